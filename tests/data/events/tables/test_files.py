"""What a table may be stored in: separators, encodings, compressions, folders of parts; the rest is named."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.errors import UserError

CITY = "Köln, Mitte"
FRAME = pd.DataFrame({"user": [f"u{i}" for i in range(50)], "city": CITY, "x": [i + 0.5 for i in range(50)]})
CSV = FRAME.to_csv(index=False)
BYTES = CSV.encode()


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, CSV)


def zstd(path):
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        file.write(BYTES)


def separated(separator, **options):
    return lambda path: FRAME.to_csv(path, index=False, sep=separator, **options)


def encoded(encoding):
    return lambda path: path.write_bytes(CSV.encode(encoding))


READ = {
    "comma": ("t.csv", separated(",")),
    "semicolon": ("t.csv", separated(";")),
    "semicolon and decimal comma": ("t.csv", separated(";", decimal=",")),
    "tab": ("t.tsv", separated("\t")),
    "tab in a text": ("t.txt", separated("\t")),
    "pipe": ("t.txt", separated("|")),
    "separator told to Excel": ("t.csv", lambda p: p.write_text("sep=;\n" + FRAME.to_csv(index=False, sep=";"))),
    "all quoted": ("t.csv", separated(",", quoting=1)),
    "Windows' line ends": ("t.csv", separated(",", lineterminator="\r\n")),
    "byte-order mark": ("t.csv", encoded("utf-8-sig")),
    "UTF-16": ("t.csv", encoded("utf-16")),
    "UTF-16 of the other order": ("t.csv", lambda p: p.write_bytes(b"\xfe\xff" + CSV.encode("utf-16-be"))),
    "UTF-16 without a mark": ("t.csv", encoded("utf-16-le")),
    "gzip": ("t.csv.gz", lambda p: p.write_bytes(gzip.compress(BYTES))),
    "gzip by another name": ("t.csv", lambda p: p.write_bytes(gzip.compress(BYTES))),
    "gzip of UTF-16": ("t.csv.gz", lambda p: p.write_bytes(gzip.compress(CSV.encode("utf-16")))),
    "bz2": ("t.csv.bz2", lambda p: p.write_bytes(bz2.compress(BYTES))),
    "xz": ("t.csv.xz", lambda p: p.write_bytes(lzma.compress(BYTES))),
    "zstd": ("t.csv.zst", zstd),
    "zip": ("t.zip", lambda p: zipped(p, "t.csv")),
    "zip of a Mac": ("t.csv.zip", lambda p: zipped(p, "t.csv", "__MACOSX/._t.csv")),
    "capital suffix": ("T.CSV", separated(",")),
    "no suffix": ("table", separated(",")),
    "Parquet": ("t.parquet", FRAME.to_parquet),
    "Parquet by another name": ("t.csv", lambda p: FRAME.to_parquet(p)),
    "text called Parquet, but compressed": ("t.csv.gz", separated(",")),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_it_is_read(tmp_path, case):
    name, write = READ[case]
    write(tmp_path / name)
    source = Source(tmp_path / name, "events")
    assert source.columns == list(FRAME.columns)
    rows = pa.Table.from_batches(list(source.batches(["user", "city"]))).to_pandas()
    pd.testing.assert_frame_equal(rows, FRAME[["user", "city"]], check_dtype=False)


def latin1(path):
    path.write_bytes(CSV.replace("x", "é").encode("latin1"))


def late_latin1(path):
    path.write_bytes((CSV + "u1,b,0\n" * 20_000).encode() + "u1,é,0\n".encode("latin1"))


NAMED = {
    "Latin-1 in the header": ("t.csv", latin1, "t.csv is not UTF-8 in line 1: convert it"),
    "Latin-1 in a late value": ("t.csv", late_latin1, "t.csv is not UTF-8: convert it"),
    "a row of too many fields": ("t.csv", lambda p: p.write_text(CSV + "u1,b,0,9\n"), "got 4: u1,b,0,9: mend this row"),
    "an Excel workbook": ("t.csv", lambda p: zipped(p, "[Content_Types].xml"), "is an Excel workbook: save it as CSV"),
    "an old Excel workbook": ("t.csv", lambda p: p.write_bytes(b"\xd0\xcf\x11\xe0rest"), "is an Excel workbook"),
    "Feather": ("t.csv", lambda p: p.write_bytes(b"ARROW1\0\0"), "is a Feather file: convert it to Parquet"),
    "rubbish": ("t.csv", lambda p: p.write_bytes(b"a,b\0\0\0\1\2c\n"), "is no text: convert it"),
    "an empty file": ("t.csv", lambda p: p.touch(), "t.csv is empty"),
    "a broken archive": ("t.csv", lambda p: p.write_bytes(gzip.compress(BYTES)[:99]), "t.csv cannot be read"),
    "broken Parquet": ("t.parquet", lambda p: p.write_bytes(b"PAR1rest"), "t.parquet cannot be read"),
    "two files in one": ("t.zip", lambda p: zipped(p, "a.csv", "b.csv"), "holds 2 files: unpack it"),
    "an unknown suffix": ("t.docx", lambda p: p.touch(), "neither .csv"),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMED)
def test_it_is_named_in_one_line(tmp_path, case):
    name, write, message = NAMED[case]
    write(tmp_path / name)
    with pytest.raises(UserError) as caught:
        list(Source(tmp_path / name, "events").batches(["user", "city"]))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def parts(tmp_path):
    """A folder as Spark writes it, of two parts."""
    folder = tmp_path / "events.parquet"
    folder.mkdir()
    FRAME[25:].to_parquet(folder / "part-00001-a.snappy.parquet")
    FRAME[:25].to_parquet(folder / "part-00000-b.snappy.parquet")
    for name in ("_SUCCESS", "._SUCCESS.crc", ".part-00000.crc"):
        (folder / name).touch()
    return folder


def users(table):
    source = Source(table, "events")
    return [user for batch in source.batches(["user"]) for user in batch.column(0).to_pylist()]


def test_the_parts_of_a_folder_are_read_in_the_order_of_their_names(parts):
    assert users(parts) == users(f"{parts}/part-*.parquet") == FRAME["user"].tolist()
    assert Source(parts, "events").rows == 50


def test_a_relative_pattern_of_text_files_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i in range(3):
        FRAME[10 * i : 10 * i + 10][[*FRAME.columns][:: -1 if i else 1]].to_csv(f"part-{i}.csv", index=False)
    assert users("part-*.csv") == FRAME["user"].tolist()[:30]
    assert users(Path("part-[12].csv")) == FRAME["user"].tolist()[10:30]


def test_folders_of_partitions_are_columns(tmp_path):
    for year in (2023, 2024):
        (tmp_path / "t" / f"year={year}").mkdir(parents=True)
        FRAME[:5].to_parquet(tmp_path / "t" / f"year={year}" / "part-0.parquet")
    source = Source(tmp_path / "t", "events")
    assert source.columns == ["user", "city", "x", "year"]
    assert [v for b in source.batches(["year", "user"]) for v in b.column(0).to_pylist()] == ["2023"] * 5 + ["2024"] * 5


def odd_column(folder):
    FRAME.rename(columns={"x": "y"}).to_parquet(folder / "part-2.parquet")


FOLDERS = {
    "other columns": (odd_column, "has a column 'x': give all files the same columns"),
    "another kind": (lambda f: (f / "part-2.csv").write_text(CSV), "holds both CSV and Parquet"),
    "Delta": (lambda f: (f / "_delta_log").mkdir(), "is a Delta table"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_parts_that_do_not_fit_together_are_named(parts, case):
    change, message = FOLDERS[case]
    change(parts)
    with pytest.raises(UserError, match=message):
        list(Source(parts, "events").batches(["user", "x"]))


def test_nothing_to_read_is_named(tmp_path):
    with pytest.raises(UserError, match="is a folder without a CSV or Parquet file"):
        Source(tmp_path, "events")
    with pytest.raises(UserError, match=r"no file is named like .*\*\.csv: check the path"):
        Source(tmp_path / "*.csv", "events")


def test_what_was_taken_for_missing_can_be_asked(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n1,x\n2,NA\n3,"NA"\n4,\n')
    source = Source(tmp_path / "t.csv", "events")
    ((batch),) = source.batches(["b"])
    assert batch.column(0).to_pylist() == ["x", None, "NA", None]
    assert source.spelling("b", 1) == "NA"
