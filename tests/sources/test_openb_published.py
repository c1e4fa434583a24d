"""Published curves beside the trace, and what a damaged file says."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from schedbench.errors import InputError
from schedbench.sources.traces.openb import load_openb
from schedbench.sources.traces.openb_published import published_curves

HEADER = "workload,policy,seed,0,1,2"
NAME = "alloc_pct_per_seed.csv.gz"


def written(folder, *rows, header=HEADER):
    """Write a table of published allocation curves."""
    (folder / "expected").mkdir(exist_ok=True)
    text = "\n".join([header, *rows]) + "\n"
    (folder / "expected" / NAME).write_bytes(gzip.compress(text.encode()))
    return folder


def test_curves_are_those_of_the_trace_and_the_seed(tmp_path):
    """Policies get our names; other traces and seeds are left out."""
    data = written(
        tmp_path,
        "default,FGD,42,0.1,0.2,0.3",
        "default,Random,42,1,2,3",
        "default,FGD,43,9,9,9",
        "cpu050,FGD,42,9,9,9",
    )
    found = published_curves(data, "default", 42)

    assert sorted(found) == ["fgd", "gpu-random"]
    assert found["fgd"]["allocation_pct"].tolist() == [0.1, 0.2, 0.3]
    assert list(found["fgd"]) == ["allocation_pct"]


def test_no_files_no_curves(tmp_path):
    """A folder without published curves is no mistake."""
    assert published_curves(tmp_path, "default", 42) == {}


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        pytest.param(["default,FGD,42,1,x,3"], HEADER, "row 2", id="no number"),
        pytest.param(["default,FGD,42,1,nan,3"], HEADER, "row 2", id="not a number"),
        pytest.param(["", "default,FGD,42,1,2"], HEADER, "row 3", id="a short row"),
        pytest.param([], "a,b,c", "expected workload,policy,seed", id="no such table"),
    ],
)
def test_damaged_tables_are_refused(tmp_path, rows, header, message):
    """File and row are named."""
    data = written(tmp_path, *rows, header=header)

    with pytest.raises(InputError, match=rf"{NAME}(.|\n)*{message}"):
        published_curves(data, "default", 42)


def test_a_truncated_file_is_refused(tmp_path):
    """A file cut short is not read as far as it goes."""
    data = written(tmp_path, *(f"default,FGD,{n},1,2,3" for n in range(999)))
    path = data / "expected" / NAME
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(InputError, match="cannot be read"):
        published_curves(data, "default", 42)


def test_only_a_published_order_has_published_curves(shared):
    """Another seed, ratio or order is another run."""
    data = shared / "traces" / "openb"
    found = load_openb(data, "default", 42).published

    assert len(found) == 6
    assert np.all(found["fgd"]["allocation_pct"][[0, 130]] > [0, 95])
    assert load_openb(data, "default", 7).published == {}
    assert load_openb(data, "default", 42, tune=1.2).published == {}
