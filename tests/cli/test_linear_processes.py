"""The command line's linear models in processes of their own."""

import os
import pty
import signal
import subprocess

from cli.processes import SERIALEQ

from serialeq.runs.directory import RunDirectory


def test_in_a_process_of_its_own(svm, tmp_path):
    damaged = tmp_path / "damaged.svm"
    damaged.write_text(svm.read_text().replace("\n1 ", "\n1: ", 1))
    command = [*SERIALEQ, "train", "linear", str(damaged), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"serialeq: {damaged}, line 2: expected ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_interruption_on_a_terminal(svm, tmp_path, launch):
    """Ctrl-C ends a long run with status 130, the cursor shown again and a checkpoint."""
    main_end, other = pty.openpty()
    process = launch(
        [*SERIALEQ, "train", "linear", str(svm), "--epochs", "100000000", "--tol", "-9",
         "--engine", "lookahead",
         "--out", str(tmp_path / "out")],
        stderr=other, stdout=other, env=os.environ | {"TERM": "xterm"}, start_new_session=True,
    )  # fmt: skip
    os.close(other)
    shown = b""
    while b"loss" not in shown:
        shown += os.read(main_end, 4096)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            piece = os.read(main_end, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    assert process.wait(timeout=120) == 130
    os.close(main_end)
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")
    run = RunDirectory.open(tmp_path / "out")
    assert run.manifest.checkpoints[-1].epoch == run.manifest.chain.n_epochs >= 1
