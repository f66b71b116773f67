"""What was made is kept, and not more than fits."""

from pathlib import Path

from confrere.imaging.made import Made


def test_it_is_made_once_and_the_folder_stays_within_its_bound(tmp_path: Path) -> None:
    kept = Made(tmp_path / "made", most=1000)
    asked: list[int] = []

    def make(number: int) -> bytes:
        asked.append(number)
        return bytes(100)

    for number in (1, 1, 2, 2):
        assert kept.get(b"digest", number, make=lambda n=number: make(n)) == bytes(100)
    assert asked == [1, 2]
    for number in range(3, 60):
        kept.get(b"digest", number, make=lambda n=number: make(n))
    sizes = [path.stat().st_size for path in (tmp_path / "made").rglob("*") if path.is_file()]
    assert 0 < sum(sizes) <= 1000


def test_a_folder_that_cannot_be_written_stops_no_one(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("a file where the folder should be")
    assert Made(tmp_path / "made").get(1, make=lambda: b"x") == b"x"
