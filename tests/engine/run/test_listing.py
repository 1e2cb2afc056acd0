"""What lies in a run and is named by no receipt is named by ``verify``."""

import os
import shutil

import pytest

from engine.errors import EngineError
from engine.run.layout import EVENTS
from engine.run.listing import refuse_unlisted
from engine.run.seal import read_sealed
from engine.validation import FOLDER


def beside(name):
    return lambda path: shutil.copy(path, path.with_name(name))


STRAYS = {
    "a table of the same schema": beside("extra.parquet"),
    "a hidden file": beside(".s1_party_base_6A.parquet.crc"),
    "another extension": beside("notes.txt"),
    "a name with a line feed": beside("a\nb.parquet"),
    "an empty folder": lambda path: (path.parent / "run_id=0").mkdir(),
    "a link": lambda path: (path.parent / "link.parquet").symlink_to(path),
    "a link to nothing": lambda path: (path.parent / "link.parquet").symlink_to("nothing"),
    "a pipe": lambda path: os.mkfifo(path.parent / "pipe"),
    "another partition": lambda path: shutil.copytree(path.parents[2], path.parents[3] / "seed=43"),
    "a file between the partitions": lambda path: shutil.copy(path, path.parents[1] / "part-1.parquet"),
    "another dataset": lambda path: shutil.copytree(path.parents[3], path.parents[4] / "s1_party_base_6B"),
}


@pytest.fixture(scope="module")
def run(witness, tmp_path_factory):
    """A copy of the witness in which strays are put down and taken away."""
    root = tmp_path_factory.mktemp("listing")
    shutil.copytree(witness.layout.root, root / witness.layout.root.name)
    return type(witness.layout)(root, witness.layout.world)


def refused(run) -> str:
    with pytest.raises(EngineError) as caught:
        refuse_unlisted(run, read_sealed(run, "S5"))
    assert (caught.value.code, caught.value.reason) == ("6A.S5.IO_WRITE_CONFLICT", "unlisted_file")
    assert caught.value.fact.isprintable()
    return caught.value.fact


@pytest.mark.parametrize("said", STRAYS)
@pytest.mark.parametrize("dataset", ["s1_party_base_6A", "s5_ip_fraud_roles_6A"])
def test_a_stray_in_the_folders_of_a_published_table_is_named(run, said, dataset) -> None:
    before = set(run.root.rglob("*"))
    STRAYS[said](run.table(dataset))
    strays = sorted(set(run.root.rglob("*")) - before)
    named = ascii(str(strays[0].relative_to(run.root)))
    assert named in refused(run)
    for stray in strays:
        if stray.is_dir() and not stray.is_symlink():
            shutil.rmtree(stray)
        elif stray.is_symlink() or stray.exists():
            stray.unlink()
    refuse_unlisted(run, read_sealed(run, "S5"))


def test_a_stray_beside_upstream_tables_logs_and_bundle_is_named_and_many_are_counted(run) -> None:
    (outlets,) = (run.root / "data/layer1/1A/outlet_catalogue").rglob("*.parquet")
    events = run.path(EVENTS, label="party_count_realisation")
    places = [outlets, events, run.path(FOLDER) / "_passed.flag"]
    strays = [place.with_name(f"more-{number}") for place in places for number in range(3)]
    for stray in strays:
        stray.write_text("")
        assert stray.name in refused(run)
        stray.unlink()
    for stray in strays:
        stray.write_text("")
    assert refused(run).endswith("and 4 more")
    for stray in strays:
        stray.unlink()
    refuse_unlisted(run, read_sealed(run, "S5"))
