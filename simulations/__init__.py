"""The six simulations of Wang et al. 2018 and the introductory bandits, one module each."""
