from __future__ import annotations

import contextlib
import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serialeq.digest import digest_arrays
from serialeq.errors import DataError
from serialeq.problems.mf.ratings import (
    Ratings,
    check_entries,
    entries_of,
    generate_ratings,
)
from serialeq.problems.mf.reading import read_ratings
from serialeq.reading import lines as reading
from serialeq.reading.splits import split_indices

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


class TestCheckEntries:
    def test_conversion(self) -> None:
        users, items, values, shape = check_entries([1, 0], np.array([3, 2], np.uint8), [5, 4])
        assert (users.tolist(), items.tolist(), values.tolist()) == ([1, 0], [3, 2], [5.0, 4.0])
        assert [a.dtype for a in (users, items, values)] == [np.int32, np.int32, np.float32]
        assert shape == (2, 4)
        assert check_entries([0], [0], [1.5], (3, 2), np.float64)[3] == (3, 2)
        assert check_entries([0], [0], [0.1], dtype="float64")[2].tolist() == [0.1]

    def test_no_copy(self) -> None:
        given = np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int32), np.ones(3, np.float32)
        returned = check_entries(*given)
        assert all(a is b for a, b in zip(given, returned, strict=False))

    def test_layout(self) -> None:
        users = np.arange(6, dtype=np.int32)[::2]
        values = np.ones(3, dtype=">f4")
        checked = check_entries(users, users, values)
        assert all(array.flags.c_contiguous for array in checked[:3])
        assert all(array.dtype.isnative for array in checked[:3])
        assert checked[0].tolist() == [0, 2, 4]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (([[0]], [0], [1]), "users: expected one dimension, got shape (1, 1)"),
            ((0, [0], [1]), "users: expected one dimension, got shape ()"),
            (([0], [0], None), "ratings: expected one dimension, got shape ()"),
            (([0], [[0], [1, 2]], [1]), "items: expected a sequence of integers, got: "),
            (([0.0], [0], [1]), "users: expected integers, got an array of float64"),
            (([0], [True], [1]), "items: expected integers, got an array of bool"),
            (([0], [0], [True]), "ratings: expected integers or floats, got an array of bool"),
            (([0], [0], [1j]), "ratings: expected integers or floats, got an array of complex128"),
            (([0], [0], ["1"]), "ratings: expected integers or floats, got an array of <U1"),
            (([0], ["a"], [1]), "items: expected integers, got an array of <U1"),
            (([2**70], [0], [1]), "users: expected integers, got an array of object"),
            (([0], [0], [None]), "ratings: expected integers or floats, got an array of object"),
            (([0, 1], [0], [1]), "users, items, ratings: expected equal lengths, got 2, 1, 1"),
            (([], [], []), "ratings: expected 1 to 2147483647 entries, got 0"),
            (
                ([0, -3], [0, 0], [1, 1]),
                "users[1]: expected an integer from 0 to 2147483646, got -3",
            ),
            (([0], [2**31 - 1], [1]), "items[0]: expected an integer from 0 to 2147483646, got 21"),
            (([0], np.array([2**64 - 1], np.uint64), [1]), "got 18446744073709551615"),
            (([0, 2], [0, 0], [1, 1], (2, 1)), "users[1]: expected an integer from 0 to 1, got 2"),
            (([0, 0], [0, 1], [1, 1], (2, 1)), "items[1]: expected an integer from 0 to 0, got 1"),
            (([0] * 3, [0] * 3, [1, np.nan, 1]), "ratings[1]: expected a finite number, got nan"),
            (([0] * 3, [0] * 3, [1, 1, -np.inf]), "ratings[2]: expected a finite number, got -inf"),
            (
                ([0] * 3, [0] * 3, [1, -1e39, np.inf]),
                "ratings[1]: expected a number that float32 can hold, got -1e+39",
            ),
            (([0], [0], [1], (0, 1)), "shape: expected two integers from 1 to 2147483647, got (0,"),
            (([0], [0], [1], (1, 2**31)), "shape: expected two integers from 1 to 2147483647, got"),
            (([0], [0], [1], (1, 2, 3)), "shape: expected two integers"),
            (([0], [0], [1], (1.0, 2)), "shape: expected two integers"),
            (([0], [0], [1], 7), "shape: expected two integers"),
            (([0], [10**9], [1]), "users, items: expected numbers from 0 without large gaps, got"),
            (([0], [0], [1], None, np.int32), "dtype: expected float32 or float64, got"),
        ],
    )
    def test_message(self, arguments: tuple[Any, ...], message: str) -> None:
        with pytest.raises(DataError) as caught:
            check_entries(*arguments)
        assert message in str(caught.value)

    def test_too_many(self) -> None:
        many = np.broadcast_to(np.int8(0), 2**31)
        with pytest.raises(DataError, match="expected 1 to 2147483647 entries, got 2147483648"):
            check_entries(many, many, many)


def stored(X: Any) -> list[tuple[int, int, float]]:
    users, items, values, shape = entries_of(X)
    users, items, values, _ = check_entries(users, items, values, shape)
    return list(zip(users.tolist(), items.tolist(), values.tolist(), strict=True))


class TestEntriesOf:
    @pytest.mark.parametrize("name", ["coo", "csr", "csc", "lil", "dok", "bsr", "dia"])
    @pytest.mark.parametrize("kind", [sp.coo_matrix, sp.coo_array])
    def test_formats(self, name: str, kind: Any) -> None:
        X = kind(([2.0, 1.0, 3.0], ([1, 0, 1], [0, 2, 3])), shape=(2, 4)).asformat(name)
        if name == "bsr":
            X = X.tobsr(blocksize=(1, 1))
        assert stored(X) == [(0, 2, 1.0), (1, 0, 2.0), (1, 3, 3.0)]
        assert tuple(entries_of(X)[3] or ()) == (2, 4)

    @pytest.mark.parametrize("name", ["coo", "csr", "csc"])
    def test_duplicates_and_zeros(self, name: str) -> None:
        rows, columns = np.array([1, 0, 1, 0]), np.array([2, 1, 2, 0])
        X: Any = sp.coo_array((np.array([1.0, 0.0, 2.0, 4.0]), (rows, columns)), shape=(2, 3))
        if name == "csr":
            X = sp.csr_array((X.data[[3, 1, 0, 2]], [0, 1, 2, 2], [0, 2, 4]), shape=(2, 3))
            X.indices[1] = 1
        elif name == "csc":
            X = sp.csc_array((X.data[[3, 1, 0, 2]], [0, 0, 1, 1], [0, 1, 2, 4]), shape=(2, 3))
        before = X.data.copy()
        assert stored(X) == [(0, 0, 4.0), (0, 1, 0.0), (1, 2, 3.0)]
        assert X.nnz == 4
        assert X.data.tolist() == before.tolist()

    def test_unsorted_rows_are_left_as_they_are(self) -> None:
        X = sp.csr_array(([1.0, 2.0], [1, 0], [0, 2]), shape=(1, 2))
        assert stored(X) == [(0, 0, 2.0), (0, 1, 1.0)]
        assert X.indices.tolist() == [1, 0]

    @pytest.mark.parametrize("kind", [tuple, list])
    def test_sequence(self, kind: Any) -> None:
        arrays = np.array([0]), np.array([1]), np.array([2.0])
        returned = entries_of(kind(arrays))
        assert all(a is b for a, b in zip(arrays, returned, strict=False))
        assert returned[3] is None

    def test_ratings(self) -> None:
        ratings = generate_ratings(20, 6, 5)
        users, items, values, shape = entries_of(ratings)
        assert users is ratings.users
        assert items is ratings.items
        assert values is ratings.values
        assert shape == (6, 5)

    @pytest.mark.parametrize(
        ("X", "got"),
        [
            (np.ones((2, 2)), "ndarray"),
            (np.ones((3, 2)), "ndarray"),
            (([0], [1]), "tuple of 2"),
            ([], "list of 0"),
            ("abc", "str"),
            (None, "NoneType"),
        ],
    )
    def test_others(self, X: Any, got: str) -> None:
        accepted = "a scipy sparse matrix, Ratings or (users, items, ratings)"
        with pytest.raises(DataError) as caught:
            entries_of(X)
        assert str(caught.value) == f"X: expected {accepted}, got {got}"

    def test_one_dimension(self) -> None:
        with pytest.raises(DataError, match="X: expected two dimensions"):
            entries_of(sp.coo_array(np.ones(3)))


class TestSplit:
    @settings(max_examples=50, deadline=None)
    @given(st.integers(1, 500), st.floats(0, 0.9), st.integers(0, 2**40))
    def test_parts(self, n: int, fraction: float, seed: int) -> None:
        if round(n * fraction) == n:
            return
        train, test = split_indices(n, fraction, seed)
        assert test.size == round(n * fraction)
        assert sorted([*train, *test]) == list(range(n))
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()

    def test_pinned(self) -> None:
        assert split_indices(20, 0.25, 7)[1].tolist() == [4, 6, 7, 12, 19]
        assert split_indices(20, 0.25, 8)[1].tolist() != split_indices(20, 0.25, 7)[1].tolist()

    @pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
    def test_fraction(self, fraction: float) -> None:
        with pytest.raises(DataError, match=r"test_fraction: expected a number in \[0, 1\)"):
            split_indices(10, fraction, 0)

    @pytest.mark.parametrize(("n", "fraction"), [(1, 0.9), (0, 0.0), (3, 0.99)])
    def test_nothing_left(self, n: int, fraction: float) -> None:
        with pytest.raises(DataError, match="expected samples left to train on"):
            split_indices(n, fraction, 0)


class TestGenerate:
    def test_pinned(self) -> None:
        small = generate_ratings(5000, 300, 200, rank=5, seed=3)
        expected = "3fe5206ac3417cb01a79521a8548c41306a2858dbed2899a815dec624cf1448f"
        assert digest_arrays(vars(small)) == expected

    def test_shape(self) -> None:
        ratings = generate_ratings(60_000, 3000, 1000)
        assert len(ratings) == 60_000
        assert ratings.shape == (3000, 1000)
        assert [a.dtype for a in (ratings.users, ratings.items)] == [np.int32, np.int32]
        assert ratings.values.dtype == np.float32
        assert set(ratings.values.tolist()) == {1.0, 2.0, 3.0, 4.0, 5.0}
        pairs = ratings.users.astype(np.int64) * 1000 + ratings.items
        assert np.unique(pairs).size == len(ratings)

    def test_long_tails(self) -> None:
        ratings = generate_ratings(200_000)
        of_items = np.sort(np.bincount(ratings.items, minlength=ratings.n_items))[::-1]
        of_users = np.bincount(ratings.users, minlength=ratings.n_users)
        assert 0.002 < of_items[0] / len(ratings) < 0.01
        assert of_items[:400].sum() > 0.45 * len(ratings)
        assert of_users.max() > 8 * np.median(of_users)

    @pytest.mark.parametrize(
        "arguments",
        [
            (1, 1, 1),
            (60, 6, 10),
            (10, 10, 1),
            (10, 1, 10),
            (35, 6, 10),
            (1, 50, 50),
            (2500, 50, 50),
        ],
    )
    def test_extremes(self, arguments: tuple[int, int, int]) -> None:
        ratings = generate_ratings(*arguments, rank=1)
        pairs = set(zip(ratings.users.tolist(), ratings.items.tolist(), strict=True))
        assert len(pairs) == arguments[0]
        assert ratings.shape == arguments[1:]
        check_entries(ratings.users, ratings.items, ratings.values, ratings.shape)

    def test_seeds_differ(self) -> None:
        first, second = (generate_ratings(500, 50, 40, seed=seed) for seed in (0, 1))
        assert first.items.tolist() != second.items.tolist()
        assert first.values.tolist() != second.values.tolist()

    def test_low_rank_explains_what_biases_do_not(self) -> None:
        ratings = generate_ratings(60_000, 300, 200, rank=4)
        X = np.zeros((300, 200))
        X[ratings.users, ratings.items] = ratings.values
        X -= X.mean(axis=0)
        X -= X.mean(axis=1)[:, None]
        spectrum = np.linalg.svd(X, compute_uv=False) ** 2
        assert spectrum[:4].sum() > 0.3 * spectrum.sum()
        assert spectrum[3] > 2 * spectrum[4]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"n_ratings": 0}, "n_ratings: expected 1 to 2147483647, got 0"),
            ({"n_users": -1}, "n_users: expected 1 to 2147483647, got -1"),
            ({"n_items": 2**31}, "n_items: expected 1 to 2147483647, got 2147483648"),
            ({"rank": 0}, "rank: expected 1 to 2147483647, got 0"),
            (
                {"n_ratings": 7, "n_users": 2, "n_items": 3},
                "n_ratings: expected at most n_users * n_items = 6, got 7",
            ),
        ],
    )
    def test_errors(self, arguments: dict[str, int], message: str) -> None:
        with pytest.raises(DataError) as caught:
            generate_ratings(**arguments)
        assert str(caught.value) == message
