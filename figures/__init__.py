"""The figures of Wang et al. 2018, redrawn from results/ and data/; nothing is trained here."""
