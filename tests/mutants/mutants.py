"""Tries mutants: changes of the code in one place, each of which must make a test fail.

cargo-mutants lists them, by .cargo/mutants.toml, which also names the ones that are accepted. To build each by itself
would take most of the time, so they are all compiled into one copy of the workspace, each behind a switch, and those that
don't compile are left out. Every test is run once to see which switches it reaches; a mutant is tried with the tests that
reach it, unit tests first, until one fails.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import switches

CRATES = ("docr", "docr-sandbox")
# The programs of tests, quick ones first: the name and kind of their targets, and their packages.
PROGRAMS = {
    ("docr", "lib"): ("docr", "crates/docr"),
    ("docr_sandbox", "lib"): ("docr-sandbox", "crates/docr-sandbox"),
    ("sandbox", "test"): ("docr-sandbox", "crates/docr-sandbox"),
    ("suites", "test"): ("docr-tests", "tests"),
}
ENVIRONMENT = {
    "CARGO_INCREMENTAL": "0",
    "CARGO_PROFILE_DEV_DEBUG": "0",
    "CARGO_TERM_COLOR": "never",
    "INSTA_UPDATE": "no",
    "PROPTEST_CASES": "20",
    "RUST_BACKTRACE": "0",
}
SWITCH = re.compile(rb"crate::mutant\((\d+)\)")
WITHOUT_WILDCARD = "E0004"
CAUGHT = ("caught", "timed out")
SURVIVED = ("survived", "reached by no test")


@dataclass(frozen=True)
class Test:
    program: str
    directory: str
    name: str


def main():
    sys.setrecursionlimit(20_000)
    options = arguments()
    everything = listed(options.crate)
    chosen = part(everything, options)
    print(f"{len(everything)} mutants, {len(chosen)} of them chosen", flush=True)
    tree = Tree(options.work / "tree", options.build_in, options.crate)
    tree.copy()
    unviable = tree.leave_out_what_does_not_compile(chosen)
    programs = tree.build()
    tests = [test for program, directory in programs for test in tests_of(program, directory)]
    trials = Trials(options, chosen, tests)
    ends = trials.run([number for number in chosen if number not in unviable])
    return report(chosen, ends, options.at_least)


def arguments():
    parser = argparse.ArgumentParser(prog="tests/mutants/run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--part", default="1/1", metavar="K/N", help="the K-th of N parts, drawn at random but always the same")
    parser.add_argument("--matching", default="", metavar="REGEX", help="only mutants whose name matches, as cargo-mutants has it")
    parser.add_argument("--crate", action="append", choices=CRATES, help="only this crate's mutants, with its own tests and the suites (default: all)")
    parser.add_argument("--at-least", type=float, default=95, metavar="PERCENT", help="fail below this share of caught ones (%(default)s)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="try mutants for so long, after the build; the default is no limit")
    parser.add_argument("--slow", type=float, default=10, metavar="SECONDS", help="leave out tests that take longer (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="tests at once (%(default)s)")
    parser.add_argument("--build-in", type=Path, metavar="DIRECTORY", help="the directory of cargo's build; with target/ the dependencies that are there are used")
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.crate = options.crate or CRATES
    options.build_in = (options.build_in or options.work / "build").absolute()
    return options


def listed(crates):
    """The mutants of these crates, by number, with the names that cargo-mutants has for them."""
    found = []
    for crate in crates:
        command = ["cargo", "mutants", "--list", "--package", crate]
        names, facts = (
            subprocess.run(command + more, check=True, capture_output=True, text=True).stdout for more in ([], ["--json"])
        )
        found += [{**mutant, "name": name} for name, mutant in zip(names.splitlines(), json.loads(facts), strict=True)]
    return dict(enumerate(found))


def part(mutants, options):
    which, of = map(int, options.part.split("/"))
    numbers = [number for number, mutant in mutants.items() if re.search(options.matching, mutant["name"])]
    random.Random(0).shuffle(numbers)
    return {number: mutants[number] for number in numbers[which - 1 :: of]}


class Tree:
    """The copy of the workspace that has mutants in it."""

    def __init__(self, path, target, crates):
        self.path, self.target = path, target
        self.programs = {name: place for name, place in PROGRAMS.items() if place[0] in (*crates, "docr-tests")}
        packages = dict.fromkeys(package for package, _ in self.programs.values())
        self.packages = [argument for package in packages for argument in ("-p", package)]
        # To cargo the crates of the copy are those of the workspace: without a setting of their own, what is built of them
        # would be taken for what is built of the workspace, which would not be built again even after a change.
        self.apart = [argument for member in members() for argument in ("--config", f"profile.dev.package.{member}.codegen-units=17")]

    def copy(self):
        files = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
        files = {file for file in files.split("\0") if file and Path(file).is_file()}
        for old in self.path.rglob("*"):
            if old.is_file() and str(old.relative_to(self.path)) not in files:
                old.unlink()
        for file in files - set(sources()):
            self.put(file, Path(file).read_bytes(), mode=Path(file).stat().st_mode)

    def put(self, file, content, mode=0o644):
        """Writes a file that is to change: another time would have it built again."""
        path = self.path / file
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(mode)

    def leave_out_what_does_not_compile(self, mutants):
        """Returns the numbers of those that don't."""
        unviable = set()
        while True:
            unviable |= self.write({number: mutant for number, mutant in mutants.items() if number not in unviable})
            messages, is_good = self.cargo("check", *self.packages, "--lib")
            if is_good:
                return unviable
            blamed = set().union(*(self.blamed(error, mutants) for error in errors(messages))) - unviable
            if not blamed:
                sys.exit("the copy with mutants doesn't compile, and no mutant is to blame:\n" + "".join(map(rendered, errors(messages))))
            unviable |= blamed

    def write(self, mutants):
        """Writes the files that have mutants, and returns the numbers of those that have no place in them."""
        by_file = defaultdict(dict)
        for number, mutant in mutants.items():
            by_file[mutant["file"]][number] = mutant
        without_place = set()
        for path in sources():
            text, left_out = switches.write(Path(path).read_text(), by_file[path])
            without_place |= left_out
            if path in (f"crates/{crate}/src/lib.rs" for crate in CRATES):
                text += switches.SWITCH
            self.put(path, text.encode())
        return without_place

    def blamed(self, error, mutants):
        """The mutants that a compiler's error is about: the last switch before it, or within."""
        for span in error["spans"]:
            if not span["is_primary"]:
                continue
            while span and not (self.path / span["file_name"]).is_file():
                span = (span["expansion"] or {}).get("span")
            if not span:
                continue
            text = (self.path / span["file_name"]).read_bytes()
            if (error["code"] or {}).get("code") == WITHOUT_WILDCARD:
                arms = [int(number) for number in SWITCH.findall(text[span["byte_end"] :])]
                arms = [number for number in arms if mutants[number]["genre"] == "MatchArm"]
                return {number for number in arms if mutants[number]["function"] == mutants[arms[0]]["function"]}
            within = SWITCH.findall(text[span["byte_start"] : span["byte_end"]])
            before = SWITCH.findall(text[: span["byte_start"]])
            if within or before:
                return {int((within[:1] or before[-1:])[0])}
        return set()

    def build(self):
        """The programs of tests, and where they belong."""
        tests = [argument for name, kind in self.programs if kind == "test" for argument in ("--test", name)]
        messages, is_good = self.cargo("test", "--no-run", *self.packages, "--lib", *tests)
        if not is_good:
            sys.exit("the tests don't compile:\n" + "".join(map(rendered, errors(messages))))
        built = {}
        for message in messages:
            if message["reason"] == "compiler-artifact" and message["executable"] and message["profile"]["test"]:
                target = message["target"]
                built[target["name"], target["kind"][0]] = message["executable"]
        return [(built[program], str(self.path / directory)) for program, (_, directory) in self.programs.items()]

    def cargo(self, *arguments):
        environment = {**os.environ, **ENVIRONMENT, "CARGO_TARGET_DIR": str(self.target)}
        command = ["cargo", *self.apart, *arguments, "--message-format=json"]
        done = subprocess.run(command, cwd=self.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")], done.returncode == 0


def members():
    """The crates of the workspace."""
    metadata = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], check=True, capture_output=True, text=True)
    return [package["name"] for package in json.loads(metadata.stdout)["packages"]]


def sources():
    """The files that have mutants: they are written with them."""
    return [str(path) for crate in CRATES for path in Path("crates", crate, "src").rglob("*.rs")]


def errors(messages):
    found = [message["message"] for message in messages if message["reason"] == "compiler-message"]
    return [message for message in found if message["level"] == "error"]


def rendered(error):
    return error["rendered"] or ""


def tests_of(program, directory):
    listing = subprocess.run([program, "--list", "--format", "terse"], cwd=directory, check=True, capture_output=True, text=True).stdout
    names = [line.removesuffix(": test") for line in listing.splitlines() if line.endswith(": test")]
    return [Test(program, directory, name) for name in names]


class Trials:
    def __init__(self, options, mutants, tests):
        self.options, self.mutants, self.tests = options, mutants, tests
        self.pool = ThreadPoolExecutor(options.jobs)
        self.seconds = {}
        self.reaching = defaultdict(list)
        # How many mutants each program of tests has caught.
        self.caught = Counter()

    def run(self, numbers):
        """How each mutant ends: caught, timed out, survived, or not tried for lack of time."""
        left_out = []
        for test, (passed, seconds, reached) in zip(self.tests, self.pool.map(self.reach, self.tests)):
            if not passed or seconds > self.options.slow:
                left_out.append(test.name)
                continue
            self.seconds[test] = seconds
            for number in reached:
                self.reaching[number].append(test)
        print(f"{len(self.tests)} tests; left out, slow or failing in the copy: {', '.join(left_out) or 'none'}", flush=True)
        self.end = time.monotonic() + self.options.seconds
        ends = {}
        for number, end in zip(numbers, self.pool.map(self.tried, numbers)):
            ends[number] = end
            if end in SURVIVED:
                print(f"{len(ends)} of {len(numbers)}, {end}: {self.mutants[number]['name']}", flush=True)
        print("Caught by " + ", ".join(f"{Path(program).name}: {count}" for program, count in self.caught.items()))
        return ends

    def reach(self, test):
        """Whether a test passes without mutants, how long it takes, and which switches it reaches."""
        note = self.options.work / f"reached-{abs(hash(test)):x}"
        begin = time.monotonic()
        end = self.tests_with(test.program, [test], {"DOCR_MUTANTS_REACHED": str(note)}, 3 * self.options.slow)
        seconds = time.monotonic() - begin
        reached = {int(number) for number in note.read_text().split()} if note.exists() else set()
        note.unlink(missing_ok=True)
        return end == 0, seconds, reached

    def tried(self, number):
        order = [test.program for test in self.tests]
        tests = sorted(self.reaching[number], key=lambda test: (order.index(test.program), self.seconds[test]))
        size = 4
        while tests:
            program = tests[0].program
            some = [test for test in tests[:size] if test.program == program]
            tests, size = tests[len(some) :], size * 3
            if time.monotonic() > self.end:
                return "not tried"
            limit = min(120, 30 + 10 * sum(self.seconds[test] for test in some))
            end = self.tests_with(program, some, {"DOCR_MUTANT": str(number)}, limit)
            if end != 0:
                self.caught[program] += 1
                return "timed out" if end is None else "caught"
        return "survived" if self.reaching[number] else "reached by no test"

    def tests_with(self, program, tests, environment, limit):
        """What a program of tests ends with; nothing if it takes too long."""
        directory = tests[0].directory
        environment = {**os.environ, **ENVIRONMENT, "CARGO_MANIFEST_DIR": directory, **environment}
        command = [program, "--exact", *(test.name for test in tests)]
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None


def report(mutants, ends, at_least):
    counts = Counter(ends.values())
    print(f"{len(mutants)} mutants: {len(mutants) - len(ends)} don't compile, " + ", ".join(f"{count} {end}" for end, count in counts.most_common()))
    caught, survived = (sum(counts[end] for end in of) for of in (CAUGHT, SURVIVED))
    share = 100 * caught / max(1, caught + survived)
    print(f"{share:.1f} % of those tried are caught; at least {at_least:g} % have to be")
    if share >= at_least:
        return 0
    print("Write tests that fail with the others, or accept some in .cargo/mutants.toml with a reason: see tests/mutants.md.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
