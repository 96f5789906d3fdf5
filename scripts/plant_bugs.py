"""Plant each bug of tests/planted in a copy of the tree, one at a time, and see whether a seed or a test finds it.

    python scripts/plant_bugs.py [--only 03,07] [--seeds 0..59] [--wire gateway]

Each patch says in its first lines what habit it plants and which test is directed at it. The seeds are run first; the
directed test only where no seed found the bug. Ends with 0 only if every bug was found.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLANTED = ROOT / "tests" / "planted"
COPIED = ("src", "tests", "pyproject.toml", "scripts", "docs", "README.md", "invest.yaml")


def main() -> int:
    options = _options()
    wanted = options.only.split(",") if options.only else []
    patches = [each for each in sorted(PLANTED.glob("*.patch")) if not wanted or each.name[:2] in wanted]
    lost = [each.stem for each in patches if not _found(each, options)]
    print(f"{len(patches) - len(lost)} of {len(patches)} planted bugs were found")
    return 1 if lost else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="numbers of patches, with commas")
    parser.add_argument("--seeds", default="0..199", help="the seeds to try; none to run the directed tests only")
    parser.add_argument("--wire", default="own", help="the wire of these seeds, as `invest sim` has it")
    parser.add_argument("--jobs", default=str(os.cpu_count() or 1))
    return parser.parse_args()


def _found(patch: Path, options: argparse.Namespace) -> bool:
    head = patch.read_text(encoding="utf-8").splitlines()
    test = head[1].removeprefix("Test: ")
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy(source, tree / name)
        applied = subprocess.run(["git", "apply", str(patch)], cwd=tree, capture_output=True, text=True, check=False)
        if applied.returncode:
            print(f"{patch.stem}: does not apply: {applied.stderr.strip()}", flush=True)
            return False
        how = (_by_seeds(tree, options) if options.seeds != "none" else "") or _by_test(tree, test)
    print(f"{patch.stem}: {how or 'NOT FOUND'} ({head[0]})", flush=True)
    return bool(how)


def _by_seeds(tree: Path, options: argparse.Namespace) -> str:
    asked = ["--seeds", options.seeds, "--wire", options.wire, "--jobs", options.jobs, "--first"]
    ended = _run(tree, ["-m", "prudent", "sim", *asked])
    if ended.returncode == 0:
        return ""
    named = [line for line in (ended.stdout + ended.stderr).splitlines() if "invest sim --seeds" in line]
    return f"found by a seed: {named[0].strip()}" if named else f"the seeds ended with {ended.returncode}"


def _by_test(tree: Path, test: str) -> str:
    ended = _run(tree, ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", test])
    failed = [line for line in ended.stdout.splitlines() if line.startswith("FAILED")]
    return f"found by {failed[0].split(' - ')[0].removeprefix('FAILED ')}" if failed else ""


def _run(tree: Path, args: list[str]) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *args], cwd=tree, env=environ, capture_output=True, text=True, check=False
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
