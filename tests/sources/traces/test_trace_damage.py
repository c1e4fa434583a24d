"""Damaged files: whatever is cut or garbled, the answer is an import or one error."""

from __future__ import annotations

import json
import shutil
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trace_cases import import_trace

from schedbench.errors import InputError

HALF = {"cpus": 0.5, "memory": 0.25}
HELIOS = (
    "job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,"
    "duration,queue\n1,u,v,8,8,2,COMPLETED,2020-04-02 01:00:00,2020-04-02 01:00:30,"
    "2020-04-02 02:00:30,3600,30\n2,u,v,0,1,1,FAILED,2020-04-02 01:00:00,"
    "2020-04-02 01:00:30,2020-04-02 02:00:30,3600,30\n"
)
SPOT = (
    "job_name,organization,gpu_model,cpu_request,gpu_request,worker_num,submit_time,"
    "duration,job_type\n1,13,A10,20,1,1,0,27,HP\n2,57,A10,15,1,16,95,41,Spot\n"
)
PAIRS = "".join(f",{name}_request,{name}_limit" for name in (
    "cpu", "gpu", "rdma", "memory", "disk",
))  # fmt: skip
PRISM = (
    f"instance_sn,role,app_name{PAIRS},max_instance_per_node,creation_time,"
    "scheduled_time,deletion_time\ni_0,HN,a,12,12,1,1,25,25,120.0,120.0,64.0,80.0,8,"
    ",,\ni_1,CN,a,12,12,0,0,25,25,120.0,120.0,64.0,80.0,-1,5,6,7\n"
)
PHILLY = [
    {
        "status": "Pass", "vc": "v", "jobid": f"j{n}", "user": "u",
        "submitted_time": "2017-10-09 07:02:00",
        "attempts": [
            {
                "start_time": "2017-10-09 07:02:30",
                "end_time": "2017-10-09 07:03:30",
                "detail": [{"ip": "m1", "gpus": ["gpu0", "gpu1"]}],
            }
        ],
    }
    for n in range(2)
]  # fmt: skip


def lines(*rows):
    """Rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


FILES = {
    "spot-gpu-2026": {
        "job_info_df.csv": SPOT,
        "node_info_df.csv": "gpu_model,gpu_capacity_num,cpu_num,node_name\nA10,1,8,2\n",
    },
    "gpu-2025": {"disaggregated_DLRM_trace.csv": PRISM},
    "swf": {
        "l.swf": "; MaxNodes: 4\n; MaxProcs: 16\n"
        "1 0 10 100 6 -1 -1 6 200 -1 1 3 1 -1 1 1 -1 -1\n"
        "2 9 10 100 6 -1 -1 6 200 -1 5 3 1 -1 1 1 -1 -1\n"
    },
    "helios": {
        "cluster_log.csv": HELIOS,
        "cluster_gpu_number.csv": "date,v,total\n2020-04-02,16,16\n2020-04-03,8,8\n",
    },
    "philly": {
        "cluster_job_log": json.dumps(PHILLY),
        "cluster_machine_list": "machineId, number of GPUs, single GPU mem\n"
        "m1, 2, 9GB\n",
    },
    "alibaba-2018": {
        "batch_task.csv": "M1,2,j_1,1,Terminated,100,160,100,0.5\n"
        "R2_1,1,j_1,1,Running,160,0,50,0.25\n",
        "container_meta.csv": "c_1,m_1,0,app_1,started,400,400,1.56\n",
        "machine_meta.csv": "m_1,0,1,2,96,100,USING\nm_2,0,1,2,96,50,USING\n",
    },
    "pai-2020": {
        "pai_task_table.csv": "j,worker,2.0,Terminated,50.0,51.0,600.0,10,50.0,T4\n"
        "j,ps,1.0,Running,50.0,,100.0,10,,T4\n",
        "pai_job_table.csv": "j,id1,u,Terminated,49.0,52.0\n",
        "pai_group_tag_table.csv": "id1,u,V100,g,bert\n",
        "pai_machine_spec.csv": "m,T4,96,512,2\n",
    },
    "google-2019": {
        "instance_events-0.json": lines(
            {"time": "700000000", "type": 0, "collection_id": "1", "priority": 103,
             "instance_index": 0, "resource_request": HALF},
            {"time": "710000000", "type": 3, "collection_id": "1",
             "instance_index": 0},
        ),
        "machine_events-0.json": lines(
            {"time": "0", "machine_id": "7", "type": 1, "capacity": HALF}
        ),
    },
    "google-2011": {
        "task_events.csv": "700000000,,5,0,,0,u,2,9,0.5,0.25,0.001,1\n"
        "710000000,,5,0,7,1,u,2,9,0.5,0.25,0.001,1\n",
        "machine_events.csv": "0,7,0,p,0.5,0.75\n",
    },
}  # fmt: skip
"""Trace to small sound files of it, the first of which is damaged."""

GARBAGE = [b'"', b",", b"\n", b"\0", b"x", b"\xff", b"-", b"9", b"9" * 30, b"nan", b"{"]


@pytest.mark.parametrize("name", FILES)
def test_sound_files_import(name, tmp_path):
    """The samples that are damaged below are sound."""
    for file, text in FILES[name].items():
        (tmp_path / file).write_text(text)
    found = import_trace(name, tmp_path, tmp_path.parent / f"{tmp_path.name}-out")

    assert found.pods
    assert found.nodes


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_damage_is_an_error_or_an_import(name, data, tmp_path_factory):
    """A byte garbled or an end cut off gives InputError or a sound import, no other."""
    folder = tmp_path_factory.mktemp("damage")
    (first, *_), texts = FILES[name], FILES[name]
    for file, text in texts.items():
        (folder / file).write_text(text)
    content = texts[first].encode()
    at = data.draw(st.integers(0, len(content) - 1))
    put = data.draw(st.sampled_from([None, *GARBAGE]))
    damaged = content[:at] if put is None else content[:at] + put + content[at + 1 :]
    (folder / first).write_bytes(damaged)
    out = folder.parent / f"{folder.name}-out"
    try:
        pods = len(import_trace(name, folder, out).pods)
    except InputError:
        assert not out.exists()
    else:
        assert pods
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(out, ignore_errors=True)


def test_every_trace_is_here():
    """A new importer has a sample, too; Azure's is a database."""
    from schedbench.sources.traces.registry import MODULES

    assert {*FILES, "azure-packing-2020"} == set(MODULES)


@pytest.mark.slow
@given(data=st.data())
def test_damaged_database(data, tmp_path_factory):
    """A garbled page of Azure's database gives InputError or a sound import."""
    folder = tmp_path_factory.mktemp("damage")
    path = folder / "t.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE vmType (id, vmTypeId, machineId, core, memory, hdd, ssd, nic)"
        )
        database.execute(
            "CREATE TABLE vm (vmId, tenantId, vmTypeId, priority, starttime, endtime)"
        )
        database.execute("INSERT INTO vmType VALUES (0, 1, 1, 0.5, 0.5, 0, 0, 0)")
        database.execute("INSERT INTO vm VALUES (0, 7, 1, 0, 0.5, NULL)")
    database.close()
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    out = folder / "out"
    try:
        assert import_trace("azure-packing-2020", path, out).pods
    except InputError:
        assert not out.exists()
    finally:
        shutil.rmtree(folder)
