"""Makes rows.parquet, a file as pyarrow writes it, and rows.json, the rows that were put into it.

Another implementation writes what dlr reads: a compression for each column, dictionaries, deltas,
pages of format 2, four row groups, nulls, lists and structures.

  versions   Python 3.11, pyarrow 26.0.1
  command    python3 tests/parity/goldens/parquet/make_parquet.py
  date       2026-11-25

In rows.json integers beyond 2^53 are strings, because JSON as JavaScript reads it would round them.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
ROWS = 18

SCHEMA = pa.schema([
    ("text", pa.string()),
    ("title", pa.string()),
    ("label", pa.int64()),
    ("large", pa.int64()),
    ("score", pa.float64()),
    ("right", pa.bool_()),
    ("choices", pa.list_(pa.string())),
    ("answer", pa.struct([("text", pa.list_(pa.string())), ("place", pa.int32())])),
])

COMPRESSION = {
    "text": "zstd",
    "title": "snappy",
    "label": "gzip",
    "large": "none",
    "score": "brotli",
    "right": "lz4",
    "choices.list.element": "snappy",
    "answer.text.list.element": "zstd",
    "answer.place": "gzip",
}


def row(i: int) -> dict:
    return {
        "text": None if i % 7 == 3 else "" if i % 5 == 1 else f" Line {i} : naïve , 東京 , 𝄞 . \n" * (i % 4 + 1),
        "title": None if i == 4 else ["River", "Castle", "\ufeffBridge"][i % 3],
        "label": None if i == 11 else (-1) ** i * i * 10**14,
        "large": 2**53 + i,
        "score": i / 7,
        "right": None if i % 6 == 5 else i % 2 == 0,
        "choices": None if i == 2 else [f"choice {k}" if k else None for k in range(i % 5)],
        "answer": None if i == 9 else {"text": ["a", "b"][: i % 3], "place": None if i == 6 else i},
    }


def main() -> None:
    rows = [row(i) for i in range(ROWS)]
    pq.write_table(
        pa.Table.from_pylist(rows, schema=SCHEMA),
        HERE / "rows.parquet",
        compression=COMPRESSION,
        row_group_size=5,
        data_page_version="2.0",
        use_dictionary=["title", "choices.list.element"],
        column_encoding={"text": "DELTA_LENGTH_BYTE_ARRAY", "label": "DELTA_BINARY_PACKED"},
        store_schema=False,
    )
    written = [{**each, "large": str(each["large"])} for each in rows]
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in written)
    (HERE / "rows.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


main()
