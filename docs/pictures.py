"""Make the site's pictures of figures that have been drawn: python docs/pictures.py results/figures."""

import sys
from pathlib import Path

from PIL import Image

WIDTH = 1_400
"""Pixels."""

for there in sorted(Path(__file__).with_name("figures").glob("*.png")):
    picture = Image.open(Path(sys.argv[1]) / there.name).convert("RGB")
    size = (WIDTH, round(WIDTH / picture.width * picture.height))
    picture.resize(size, Image.Resampling.LANCZOS).quantize(128).save(there, optimize=True)
    print(there)
