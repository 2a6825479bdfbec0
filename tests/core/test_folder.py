"""Names of files in a run folder."""

import pytest

from populace.folder import is_of


@pytest.mark.parametrize(
    ("name", "mine"),
    [
        ("steps-0000_10000.parquet", True),
        ("steps-0000_10000-000000003-000000006.parquet", True),
        ("steps-0000_10000.parquet.12.part", True),
        ("0000_10000-000000006.pt", True),
        ("0000_10000.json", True),
        ("tape-0123456789ab-0000_10000.jsonl", True),
        ("steps-0000_100000.parquet", False),  # of another batch, whose number is longer
        ("steps-10000_10000.parquet", False),
        ("0000_100001.json", False),
    ],
)
def test_a_file_is_its_unit_s_alone(name, mine):
    assert is_of(name, "0000_10000") is mine
