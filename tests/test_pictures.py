"""Pictures: two sets that share nothing, reproducible, and clear words for bad files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pfc_metarl.errors import UserError
from pfc_metarl.tasks.pictures import HELD_OUT_PHOTOGRAPHS, TRAINING_PHOTOGRAPHS, bundled_pictures, load_images


def distinct(pictures: np.ndarray) -> set[bytes]:
    return {picture.tobytes() for picture in pictures}


def make_folder(folder: Path, n: int) -> Path:
    (folder / "more").mkdir(parents=True)
    for i in range(n):
        pixels = np.random.default_rng(i).integers(0, 256, (12, 20, 3), dtype=np.uint8)
        ending = ("png", "jpg", "JPEG")[i % 3]
        Image.fromarray(pixels).save((folder if i % 2 else folder / "more") / f"{i:03d}.{ending}")
    return folder


def test_bundled_sets_are_apart_and_reproducible() -> None:
    a, b = bundled_pictures(16, 60, 50, seed=1), bundled_pictures(16, 60, 50, seed=1)
    assert a.training.shape == (60, 16, 16, 3) and a.held_out.shape == (50, 16, 16, 3)
    for one, same in zip(a, b):
        np.testing.assert_array_equal(one, same)
    assert len(distinct(a.training) | distinct(a.held_out)) == 110
    assert not distinct(a.training) & distinct(bundled_pictures(16, 60, 50, seed=2).training)
    assert not set(TRAINING_PHOTOGRAPHS) & set(HELD_OUT_PHOTOGRAPHS)
    assert a.training.std((1, 2, 3)).min() > 2


def test_folder_is_split_reproducibly(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pictures", 30)
    a, b = load_images(folder, 8, 16, 14, seed=3), load_images(folder, 8, 16, 14, seed=3)
    for one, same in zip(a, b):
        np.testing.assert_array_equal(one, same)
    assert len(distinct(a.training) | distinct(a.held_out)) == 30
    assert distinct(load_images(folder, 8, 16, 14, seed=4).training) != distinct(a.training)


def test_the_same_picture_is_never_on_both_sides(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pictures", 10)
    for path in list(folder.glob("*.*")):
        path.with_name(f"copy_{path.name}").write_bytes(path.read_bytes())
    pictures = load_images(folder, 8, 5, 5)
    assert len(distinct(pictures.training) | distinct(pictures.held_out)) == 10
    with pytest.raises(UserError, match="10 different readable pictures .* 11 are needed"):
        load_images(folder, 8, 6, 5)


def test_unreadable_files_are_named_and_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_folder(tmp_path / "pictures", 6)
    (folder / "broken.png").write_bytes(b"no picture")
    whole = (folder / "001.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("not looked at")
    assert len(load_images(folder, 8, 3, 3).training) == 3
    with pytest.raises(UserError, match="too few|are needed"):
        load_images(folder, 8, 4, 3)
    said = capsys.readouterr().err
    assert "broken.png" in said and "cut.jpg" in said and "notes" not in said


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        load_images(tmp_path / "nowhere", 8)


def test_colour_and_place_of_a_picture(tmp_path: Path) -> None:
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = (255, 0, 0)  # the square in the middle, red
    pixels[:, 20:] = (0, 0, 255)
    for i in range(2):
        pixels[0, 12 + i] = 0
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    picture = load_images(tmp_path, 10, 1, 1).training[0]
    assert picture[5].tolist() == [[255, 0, 0]] * 10 and picture[..., 2].max() == 0
