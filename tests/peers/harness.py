"""What every peer check uses: the registry, the binary under test, the fixtures. Knows no format."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "fixtures" / "models"
GOLDEN = ROOT / "fixtures" / "golden"
CONVERT_SECONDS = 120

CHECKS = []


class Skip(Exception):
    """Raised by a check that cannot run here; its text says what is missing."""


class Failure(Exception):
    """Raised by a check that found a difference; its text says which."""


def check(group, slow=False):
    """Registers a check. A check is a function of (remold, case) that returns a few words for its pass line."""

    def register(function, cases=(None,)):
        for case in cases:
            CHECKS.append((group, slow, function, case))
        return function

    return register


def check_each(group, cases, slow=False):
    """Registers a check once for each case."""
    return lambda function: check(group, slow)(function, cases)


def need(condition, text):
    """Fails the check unless `condition`."""
    if not condition:
        raise Failure(text)


class Remold:
    """The binary under test. Conversions are kept by their arguments, so that checks share them."""

    def __init__(self, binary, folder):
        self.binary = pathlib.Path(binary)
        self.folder = pathlib.Path(folder)
        self.made = {}
        self.begun = 0
        self.environment = {**os.environ, "REMOLD_JOBS": str(self.folder / "jobs"), "REMOLD_CACHE": str(self.folder / "cache"), "NO_COLOR": "1"}

    def run(self, *arguments):
        """Runs remold; gives the finished process with its outputs as text."""
        command = [self.binary, *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=self.environment, timeout=CONVERT_SECONDS,
        )

    def convert(self, source, target, name, *options):
        """`remold convert SOURCE --to TARGET -o NAME`; gives the path of the output (NAME lies in the work folder)."""
        source = pathlib.Path(source)
        key = (source, target, name, options)
        if key not in self.made:
            self.begun += 1
            out = self.folder / f"{self.begun:03}" / name
            out.parent.mkdir(parents=True)
            done = self.run("convert", source, "--to", target, "-o", out, *options)
            text = (done.stderr + done.stdout).strip()[-700:]
            need(done.returncode == 0, f"convert {source.name} --to {target} ended with {done.returncode}: {text}")
            need(out.exists(), f"convert {source.name} --to {target} said it was done, but {name} is not there")
            beside = [p.name for p in out.parent.iterdir() if p.name.endswith(".part")]
            need(not beside, f"left behind: {beside}")
            self.made[key] = out
        return self.made[key]


def report_skip(text):
    """Adds a line to the list of skipped checks that .ci/run prints at its end."""
    if path := os.environ.get("REMOLD_SKIPS"):
        with open(path, "a", encoding="utf-8") as skips:
            print(text.replace("\n", " "), file=skips)


def run_all(binary, llama_cpp, only):
    """Runs the registered checks; prints one line for each and the sum. Gives the exit code."""
    passed = failed = skipped = left_out = 0
    with contextlib.ExitStack() as stack:
        keep = os.environ.get("REMOLD_PEERS_KEEP")
        folder = keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="remold-peers-"))
        if keep:
            shutil.rmtree(keep, ignore_errors=True)
            pathlib.Path(keep).mkdir(parents=True)
        remold = Remold(binary, folder)
        for group, slow, function, case in CHECKS:
            title = f"{group}: {function.__name__}" + (f" [{case_name(case)}]" if case is not None else "")
            if only and not any(word in title for word in only):
                continue
            if slow and not llama_cpp:
                left_out += 1
                continue
            began = time.monotonic()
            try:
                words = function(remold) if case is None else function(remold, case)
                verdict, text = "ok", words or ""
                passed += 1
            except Skip as reason:
                verdict, text = "skipped", str(reason)
                skipped += 1
                report_skip(f"peers: {title}: {reason}")
            except Failure as difference:
                verdict, text = "FAILED", str(difference)
                failed += 1
            except Exception:
                verdict, text = "FAILED", traceback.format_exc(limit=-3)
                failed += 1
            line = f"{verdict:7} {title}" + (f": {text}" if text else "")
            print(f"{line} ({time.monotonic() - began:.1f} s)", flush=True)
    if left_out:
        report_skip(f"peers: {left_out} slow checks: they need --llama-cpp")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


def case_name(case):
    return " ".join(map(str, case)) if isinstance(case, tuple) else str(case)
