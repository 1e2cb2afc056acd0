"""The data engine at the reference scale and at a hundredth of it, beside the floor that writing alone sets.

The ceiling of generating tables is what tpchgen makes of its own tables on the same machine in the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engine.contracts import datasets
from engine.files import durable
from engine.run.layout import RunLayout
from engine.run.pipeline import run_states
from engine.run.publish import published
from engine.run.receipt import newest_run, read_receipt
from engine.run.tables import coded, numbered

ROOT = Path(__file__).parents[1]
WHOLE_SECONDS = 20.0
WHOLE_GIB = 3.0
SMALL_SECONDS = 2.5
REFERENCE_ROWS = {
    "s1_party_base_6A": 3_281_174,
    "s2_account_base_6A": 8_725_420,
    "s3_instrument_base_6A": 10_701_854,
    "s4_device_base_6A": 7_263_186,
    "s4_ip_base_6A": 4_135_350,
    "s4_ip_links_6A": 28_279_383,
}


def run(runs_root: Path, scale: float) -> tuple[float, float]:
    """Make a world in a process of its own; seconds from start to exit, and its peak memory in GiB."""
    command = [sys.executable, "-m", "engine", "run", f"--runs-root={runs_root}", f"--scale={scale}"]
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        # The high-water mark of this program alone; what `wait` reports has that of its parent in it.
        with suppress(OSError):
            text = Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak, *(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM"))])
        time.sleep(0.01)
    seconds = time.perf_counter() - start
    assert process.returncode == 0
    return seconds, peak / 2**20


def layout_of(runs_root: Path) -> RunLayout:
    return RunLayout(runs_root, read_receipt(runs_root, newest_run(runs_root)).world)


def write_floor(layout: RunLayout, folder: Path) -> float:
    """Seconds to write the very tables from memory, two at a time, made durable."""
    tables = {name: pq.read_table(path) for name, path in layout.tables().items()}

    def write(name: str) -> None:
        table = tables[name]
        coded = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
        encoding = dict.fromkeys(numbered(datasets()[name]), "DELTA_BINARY_PACKED")
        path = folder / f"{name}.parquet"
        pq.write_table(
            table, path, compression="zstd", compression_level=1, use_dictionary=coded, column_encoding=encoding
        )
        durable(path)

    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, sorted(tables, key=lambda name: -tables[name].num_rows)))
    return time.perf_counter() - start


def ceiling(folder: Path) -> tuple[float, float]:
    """Rows and values a second of tpchgen, on all cores; its rows are wider than the engine's, so values tell more."""
    command = [Path(sys.executable).with_name("tpchgen-cli"), "parquet", "--scale-factor=5", "--compression=ZSTD(1)"]
    start = time.perf_counter()
    subprocess.run([*command, f"--output-dir={folder}"], check=True, capture_output=True)
    seconds = time.perf_counter() - start
    made = [pq.read_metadata(path) for path in folder.rglob("*.parquet")]
    return sum(one.num_rows for one in made) / seconds, sum(one.num_rows * one.num_columns for one in made) / seconds


def test_the_reference_world_beside_the_floor_of_writing_it(benchmark, tmp_path) -> None:
    run(tmp_path / "warm", 0.15)  # compiled kernels are cached on disk
    figures: list[tuple[float, float]] = []
    benchmark.pedantic(lambda: figures.append(run(tmp_path / str(len(figures)), 1.0)), rounds=3)
    seconds = benchmark.stats.stats.median
    memory = max(peak for _, peak in figures)
    layout = layout_of(tmp_path / "0")
    rows = {name: pq.read_metadata(path).num_rows for name, path in layout.tables().items()}
    floor = write_floor(layout, tmp_path)
    total = sum(rows.values())
    values = sum(count * len((*numbered(datasets()[name]), *coded(datasets()[name]))) for name, count in rows.items())
    most_rows, most_values = ceiling(tmp_path / "tpch")
    print(
        f"scale 1.0: {seconds:.1f} s, {memory:.2f} GiB, {total:,} rows, {total / seconds:,.0f} rows/s, "
        f"floor {floor:.1f} s, {seconds / floor:.2f} floors; {values / seconds:,.0f} values/s without constants; "
        f"tpchgen {most_rows:,.0f} rows/s, {most_values:,.0f} values/s"
    )
    for name, count in REFERENCE_ROWS.items():
        assert abs(rows[name] / count - 1.0) < 0.01, name
    assert seconds <= WHOLE_SECONDS
    assert memory <= WHOLE_GIB


def test_a_hundredth_of_the_reference_world(benchmark, tmp_path) -> None:
    count = iter(range(100))
    benchmark.pedantic(lambda: run(tmp_path / str(next(count)), 0.01), rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.median <= SMALL_SECONDS


def test_time_and_memory_grow_no_more_than_linearly(tmp_path) -> None:
    run(tmp_path / "warm", 0.15)
    # The best of two: one run alone is off by more than the tenth that is allowed.
    small, middle, large = (
        tuple(map(min, *(run(tmp_path / f"{scale}-{time}", scale) for time in range(2)))) for scale in (0.01, 0.3, 1.0)
    )
    print(json.dumps({"0.01": small, "0.3": middle, "1.0": large}))
    # Start-up is the same at every scale: what grows is what lies above the smallest world.
    for figure in (0, 1):
        assert large[figure] - small[figure] <= 1.1 * (middle[figure] - small[figure]) * (0.99 / 0.29)


def test_what_is_there_already_is_left_in_milliseconds(benchmark, tmp_path) -> None:
    run(tmp_path, 0.01)
    layout = layout_of(tmp_path)
    benchmark(lambda: run_states(tmp_path, layout.world.run_id))
    assert published(layout, "S5") is not None
    assert benchmark.stats.stats.median <= 0.1
