"""Files of ratings: formats, damage, and whatever may be in them."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serialeq.digest import digest_arrays
from serialeq.errors import DataError
from serialeq.problems.mf.ratings import Ratings
from serialeq.problems.mf.reading import read_ratings
from serialeq.reading import lines as reading

ROWS = [("7", "30", 4.0), ("10", "4", 3.5), ("7", "4", 1.0)]


def triples(ratings: Ratings) -> list[tuple[str, str, float]]:
    users = ratings.user_ids[ratings.users]
    items = ratings.item_ids[ratings.items]
    values = ratings.values.tolist()
    return [(str(u), str(i), v) for u, i, v in zip(users, items, values, strict=True)]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def failure(path: Path, **options: Any) -> str:
    """Return the message of the error, less the path."""
    with pytest.raises(DataError) as caught:
        read_ratings(path, **options)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


class TestFormats:
    @pytest.mark.parametrize(
        "text",
        [
            "7,30,4\n10,4,3.5\n7,4,1\n",
            "7\t30\t4\n10\t4\t3.5\n7\t4\t1\n",
            "7;30;4\n10;4;3.5\n7;4;1\n",
            "7 30 4\n10 4   3.5\n 7\t4 1 \n",
            "7::30::4::978300760\n10::4::3.5::978300761\n7::4::1::978300762\n",
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
            "7\t30\t4\t1\n10\t4\t3.5\t2\n7\t4\t1\t3\n",
            "userId,movieId,rating,timestamp\n7,30,4,1\n10,4,3.5,2\n7,4,1,3\n",
            "timestamp,RATING, Item ID,user-id\n9,4,30,7\n9,3.5,4,10\n9,1,4,7\n",
            ",score,product,uid\n0,4,30,7\n1,3.5,4,10\n2,1,4,7\n",
            "who,when,stars,what\n7,30,4,0\n10,4,3.5,0\n7,4,1,0\n",
            "a b c\n7 30 4\n10 4 3.5\n7 4 1\n",
            '"7","30","4"\n"10",4,3.5\n7,"4",1\n',
            "\ufeff7,30,4\r\n10,4,3.5\r\n7,4,1\r\n",
            "\ufeffuser,item,rating\r\n7,30,4\r\n10,4,3.5\r\n7,4,1",
            "7,30,4\r10,4,3.5\r7,4,1\r",
            "\n \n7,30,4\n\n10,4,3.5\n\t\n7,4,1\n\n\r\n  \n",
            "user,item,rating\n\n7,30,4\n10,4,3.5\n7,4,1\n\n",
            "7,30,4,\n10,4,3.5,\n7,4,1,\n",
            "7,30, 4 \n10,4,3.5e0\n7,4,+1\n",
        ],
    )
    def test_format(self, tmp_path: Path, text: str) -> None:
        ratings = read_ratings(write(tmp_path / "ratings", text))
        assert triples(ratings) == ROWS
        assert ratings.users.tolist() == [0, 1, 0]
        assert ratings.items.tolist() == [1, 0, 0]
        assert ratings.user_ids.tolist() == [7, 10]
        assert ratings.item_ids.tolist() == [4, 30]
        assert ratings.shape == (2, 2)

    def test_types(self, tmp_path: Path) -> None:
        path = write(tmp_path / "r.csv", "1,x,0.1\n")
        ratings = read_ratings(str(path))
        assert [a.dtype for a in (ratings.users, ratings.items)] == [np.int32, np.int32]
        assert ratings.values.dtype == np.float32
        assert ratings.user_ids.dtype == np.int64
        assert ratings.item_ids.dtype.kind == "U"
        assert read_ratings(path, dtype="float64").values.tolist() == [0.1]

    def test_gzip(self, tmp_path: Path) -> None:
        path = write(tmp_path / "r.csv.gz", gzip.compress(b"7,30,4\n10,4,3.5\n7,4,1\n"))
        assert triples(read_ratings(path)) == ROWS

    def test_titles(self, tmp_path: Path) -> None:
        text = '1m_1\t"Great Performances" Cats (1998)\t5\nÉva\t$1,000,000 Duck, The\t3\n'
        ratings = read_ratings(write(tmp_path / "r.inter", text))
        assert triples(ratings) == [
            ("1m_1", '"Great Performances" Cats (1998)', 5.0),
            ("Éva", "$1,000,000 Duck, The", 3.0),
        ]

    def test_quotes(self, tmp_path: Path) -> None:
        text = 'a,"Duck, The ""big"" one",1\nb,5" disk,2\n"",x,3\n'
        path = write(tmp_path / "r.csv", text)
        assert "line 3: expected an id" in failure(path)
        ratings = read_ratings(write(path, text.splitlines()[0] + '\nb,5" disk,2\n'))
        assert triples(ratings) == [("a", 'Duck, The "big" one', 1.0), ("b", '5" disk', 2.0)]

    def test_other_separators_in_ids(self, tmp_path: Path) -> None:
        path = write(tmp_path / "r.csv", "a::b,c::d,5\na b c,d e,4\n")
        assert triples(read_ratings(path)) == [("a::b", "c::d", 5.0), ("a b c", "d e", 4.0)]
        path = write(tmp_path / "r.dat", "1:::2::3\n4::5:::3\n")
        assert "line 2: expected a number as rating, got ':3'" in failure(path)

    @pytest.mark.parametrize(
        ("labels", "expected"),
        [
            (["10", "9", "-1", "0"], [-1, 0, 9, 10]),
            (["10", "9", "a"], ["10", "9", "a"]),
            (["10", "09"], ["09", "10"]),
            (["10", "+9"], ["+9", "10"]),
            (["1", "-0"], ["-0", "1"]),
            (["2", "1.0"], ["1.0", "2"]),
            (["2", "1_0"], ["1_0", "2"]),
            (["２", "1"], ["1", "２"]),
            (["9223372036854775807", "1"], [1, 2**63 - 1]),
            (["9223372036854775808", "1"], ["1", "9223372036854775808"]),
            (["b", "B", "é", "a b"], ["B", "a b", "b", "é"]),
        ],
    )
    def test_numbering(self, tmp_path: Path, labels: list[str], expected: list[Any]) -> None:
        lines = [f"{label}\tx{label}\t1\n" for label in labels]
        path = tmp_path / "r.tsv"
        ratings = read_ratings(write(path, "u\ti\tr\n" + "".join(lines)))
        assert ratings.user_ids.tolist() == expected
        assert [str(x) for x in ratings.user_ids[ratings.users]] == labels
        again = read_ratings(write(path, "u\ti\tr\n" + "".join(lines[::-1])))
        assert again.user_ids.tolist() == expected
        assert again.users[::-1].tolist() == ratings.users.tolist()

    def test_blocks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = [f"{i % 7},é{i % 5},{i % 3}" for i in range(50)]
        path = write(tmp_path / "r.csv", "\n" * 30 + "user,item,rating\n" + "\n".join(lines))
        whole = read_ratings(path)
        monkeypatch.setattr(reading, "_BLOCK_BYTES", 7)
        blocks = read_ratings(path)
        assert digest_arrays(vars(whole)) == digest_arrays(vars(blocks))
        lines[40] = "1,é,x"
        path = write(path, "\n" * 30 + "user,item,rating\n" + "\n".join(lines))
        assert ", line 72: " in failure(path)
        write(path, path.read_bytes().replace(b"1,\xc3\xa9,x", b"1,\xc3,x"))
        assert ", line 72: expected UTF-8 text, got the byte 0xc3" in failure(path)

    def test_subset(self, tmp_path: Path) -> None:
        ratings = read_ratings(write(tmp_path / "r.csv", "7,30,4\n10,4,3.5\n7,4,1\n"))
        assert len(ratings) == 3
        part = ratings.subset(np.array([2, 0]))
        assert triples(part) == [ROWS[2], ROWS[0]]
        assert part.shape == ratings.shape
        assert triples(ratings.subset(ratings.values > 3.7)) == [ROWS[0]]


class TestBadFiles:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", ": expected ratings, got an empty file"),
            ("\ufeff", ": expected ratings, got an empty file"),
            ("\n \n\r\n", ": expected ratings, got an empty file"),
            ("user,item,rating\n", ": expected ratings, got only a header"),
            ("user,item,rating\n\n \n", ": expected ratings, got only a header"),
            ("1,2\n", ", line 1: expected user, item and rating between tabs, '::', commas, "),
            ("\n\n1|2|3\n", "blanks, got '1|2|3'"),
            ("1,2,3\n1,2\n", ", line 2: expected 3 columns as in line 1, got 2"),
            ("u,i,r\n1,2,3\n\n1,2,3,4\n", ", line 4: expected 3 columns as in line 1, got 4"),
            ("\nu,i,r,t\n1,2,3\n", ", line 3: expected 4 columns as in line 2, got 3"),
            ("1 2 3\n1 2\n", ", line 2: expected 3 columns as in line 1, got 2"),
            ('1,2,3\n1,"2,3",4\n1,"2,3"\n', ", line 3: expected 3 columns as in line 1, got 2"),
            ("1,2,x\n", ", line 1: expected a number as rating, got 'x'"),
            ("1,2,\n", ", line 1: expected a number as rating, got ''"),
            ("1,2,3\n1,2,four\n", ", line 2: expected a number as rating, got 'four'"),
            ("1,2,3\n1,2,1_000\n", ", line 2: expected a number as rating, got '1_000'"),
            ("1,2,nan\n", ", line 1: expected a finite float32 as rating, got 'nan'"),
            ("1,2,3\n1,2,-inf\n", ", line 2: expected a finite float32 as rating, got '-inf'"),
            ("1,2,3\n1,2,1e39\n", ", line 2: expected a finite float32 as rating, got '1e39'"),
            (
                "1,2,3\n,2,3\n",
                ", line 2: expected an id of 1 to 500 characters without NUL, got ''",
            ),
            (
                "1,2,3\n1,,3\n",
                ", line 2: expected an id of 1 to 500 characters without NUL, got ''",
            ),
            ("1,2,3\n1,2\0,3\n", ", line 2: expected an id"),
            ("1,2,3\n1," + "x" * 501 + ",3\n", "'" + "x" * 59 + "…"),
            ('1,2,3\n1,"2,3\n1,2,3\n', ", line 2: expected quotes around whole fields, closed on"),
            ('1,2,3\n1,"2\n3",3\n1,2,3\n', ", line 2: expected quotes around whole fields"),
            ('1,2,3\n1,"2"3,3\n', ", line 2: expected quotes around whole fields"),
            ('1,2,3\n1,2,"' + "9" * 140_000 + '"\n', ", line 2: expected quotes around whole"),
            (b"1,2,3\n\n1,\xff,3\n", ", line 3: expected UTF-8 text, got the byte 0xff"),
            (b"1,2,3\r\n1,2,3\r1,2\xc3", ", line 3: expected UTF-8 text, got the byte 0xc3"),
            ("1,2,3\n".encode("utf-16"), ", line 1: expected UTF-8 text, got the byte 0xff"),
        ],
    )
    def test_message(self, tmp_path: Path, text: str | bytes, message: str) -> None:
        assert message in failure(write(tmp_path / "r.csv", text))

    def test_float64_holds_more(self, tmp_path: Path) -> None:
        path = write(tmp_path / "r.csv", "1,2,1e39\n")
        assert read_ratings(path, dtype=np.float64).values.tolist() == [1e39]
        write(path, "1,2,1e39\n1,2,1e309\n")
        message = ", line 2: expected a finite float64 as rating, got '1e309'"
        assert message in failure(path, dtype=np.float64)

    def test_first_bad_line_is_named(self, tmp_path: Path) -> None:
        good = "1,2,3\n" * 1000
        text = good + "1,2,nan\n" + good + "1,2\n1,2,x\n"
        assert ", line 1001: " in failure(write(tmp_path / "r.csv", text))

    def test_unreadable(self, tmp_path: Path) -> None:
        assert (
            failure(tmp_path / "no") == ": expected a readable file, got: No such file or directory"
        )
        assert failure(tmp_path) == ": expected a readable file, got: Is a directory"

    def test_bad_gzip(self, tmp_path: Path) -> None:
        path = tmp_path / "r.csv.gz"
        packed = gzip.compress(b"1,2,3\n" * 100)
        assert "Not a gzipped file" in failure(write(path, b"1,2,3\n"))
        assert "got: " in failure(write(path, packed[:-10]))
        assert "got: " in failure(write(path, packed[:12] + b"\xff" * 8 + packed[20:]))

    @pytest.mark.parametrize("dtype", [np.int32, "float16", ">f4", "nonsense", object])
    def test_dtype(self, tmp_path: Path, dtype: Any) -> None:
        path = write(tmp_path / "r.csv", "1,2,3\n")
        with pytest.raises(DataError, match="dtype: expected float32 or float64, got"):
            read_ratings(path, dtype=dtype)


LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\r\n:")
ANY_ID = st.text(LETTERS, min_size=1, max_size=8)
PLAIN_ID = st.text("abcXYZé0123456789.()'-", min_size=1, max_size=8)
INTEGER_ID = st.integers(-(10**6), 10**6).map(str)
RATING = st.floats(allow_nan=False, allow_infinity=False, width=32)


def has_no_blank(label: str) -> bool:
    return label.split() == [label]


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, str, float]]]:
    """Draw the bytes of a file and the ratings that are in it."""
    separator = draw(st.sampled_from(["\t", "::", ",", ";", " "]))
    header = draw(st.booleans())
    label = draw(st.sampled_from([ANY_ID if header else PLAIN_ID, INTEGER_ID]))
    if separator == " ":
        label = label.filter(has_no_blank)
    rows = draw(st.lists(st.tuples(label, label, RATING), min_size=1, max_size=12))
    order = draw(st.permutations([0, 1, 2, 3])) if header else [0, 1, 2, 3]
    table = [(user, item, repr(value), "9") for user, item, value in rows]
    if header:
        table.insert(0, ("user_id:token", "item_id:token", "rating:float", "t:float"))
    out = io.StringIO()
    for row in table:
        fields = [row[k] for k in order]
        if separator in ",;":
            csv.writer(out, delimiter=separator, lineterminator="\n").writerow(fields)
        else:
            out.write(separator.join(fields) + "\n")
    text = out.getvalue()
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode(), rows


SEPARATORS = [",", ";", "::", "\t", " ", '"', "\n", "\r", "\u2028", "\ufeff", "\0"]
WORDS = ["1", "2.5", "nan", "1e999", "_", "é", "user_id", "item:", "rating", "1,2,3\n", "1\t2\t3\n"]
SCRAPS = st.sampled_from([*SEPARATORS, *WORDS])
GARBAGE = st.one_of(st.binary(max_size=60), st.lists(SCRAPS, max_size=30).map("".join))
PROPERTY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class TestFileProperties:
    @PROPERTY
    @given(files(), st.booleans())
    def test_round_trip(
        self, tmp_path: Path, file: tuple[bytes, list[tuple[str, str, float]]], packed: bool
    ) -> None:
        content, rows = file
        if packed:
            path = write(tmp_path / "r.gz", gzip.compress(content))
        else:
            path = write(tmp_path / "r", content)
        for dtype in (np.float32, np.float64):
            ratings = read_ratings(path, dtype=dtype)
            assert triples(ratings) == rows
        assert ratings.n_users == len({user for user, _, _ in rows})
        assert ratings.n_items == len({item for _, item, _ in rows})
        assert (np.diff(np.unique(ratings.user_ids, return_index=True)[1]) > 0).all()

    @PROPERTY
    @given(GARBAGE)
    def test_garbage(self, tmp_path: Path, garbage: bytes | str) -> None:
        path = write(tmp_path / "r", garbage)
        with contextlib.suppress(DataError):
            ratings = read_ratings(path)
            assert len(ratings) > 0
            assert np.isfinite(ratings.values).all()

    @PROPERTY
    @given(st.binary(max_size=60))
    def test_garbage_gzip(self, tmp_path: Path, garbage: bytes) -> None:
        path = write(tmp_path / "r.gz", gzip.compress(b"1,2,3\n")[:10] + garbage)
        with pytest.raises(DataError):
            read_ratings(path)
