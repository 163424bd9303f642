"""mdla-enc and mdla-eval as programs: codebooks, files, and what mdla-eval --json says about them."""
import hashlib
import json
import pathlib
import re
import subprocess
import time

MANY_ROWS, TEN_MILLION = 10 ** 9, 10 ** 7
DEFAULT_EFFORT, DEFAULT_BLOCK = 5, 1024


class Programs:
    """The programs of a build, and which options they know."""

    def __init__(self, folder, threads, say):
        self.folder, self.threads, self.say = pathlib.Path(folder).resolve(), threads, say
        for name in ("mdla-enc", "mdla-eval"):
            if not (self.folder / name).exists():
                raise SystemExit("no %s in %s; build first, or give --tools FOLDER" % (name, folder))
        text = subprocess.run([self.folder / "mdla-enc", "--help"], capture_output=True, text=True, check=True).stdout
        self.options = set(re.findall(r"--([a-z][a-z-]*)", text))
        self.build = hashlib.sha256((self.folder / "mdla-enc").read_bytes()).hexdigest()[:12]

    def knows(self, option):
        return option in self.options

    def run(self, name, *arguments):
        """Standard output of a program that must succeed."""
        command = [self.folder / name, *map(str, arguments), "-T", str(self.threads), "-q"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("%s %s: %s" % (name, " ".join(map(str, arguments)), done.stderr.strip()))
        return done.stdout

    def encode(self, *arguments):
        """Seconds that mdla-enc took; what it writes is complete or not there."""
        start = time.time()
        self.run("mdla-enc", *arguments, "-f")
        return time.time() - start

    def evaluate(self, rows, file, codebook=None):
        """The figures of a file, as mdla-eval --json names them."""
        named = ("--codebook", codebook) if codebook else ()
        return json.loads(self.run("mdla-eval", rows, file, *named, "--json"))[0]


class Variant:
    """How to code: a model and an effort, as options of mdla-enc where it knows them. A codebook has its model already, so
    `coding` (options beside --codebook) leaves the model out."""

    def __init__(self, programs, model, effort):
        self.model, self.effort = model, effort
        self.coding = ["--effort", effort] if programs.knows("effort") else []
        self.fitting = [*self.coding, *(["--model", model] if programs.knows("model") else [])]


class Set:
    """A data set with one SAE, measured in a work folder that keeps the codebooks."""

    def __init__(self, programs, name, train, test, sae, folder, docs=(None, None)):
        self.programs, self.name, self.train, self.test, self.sae = programs, name, train, test, pathlib.Path(sae)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        knows_docs = programs.knows("docs")
        self.train_docs, self.test_docs = (["--docs", d] if d and knows_docs else [] for d in docs)

    def key(self, measure, variant, block_rows, fvu):
        return {"set": self.name, "measure": measure, "method": "mdla", "sae": self.sae.name, "model": variant.model,
                "effort": variant.effort, "block_rows": block_rows, "target_fvu": fvu, "build": self.programs.build}

    def codebook(self, variant, fvu):
        """A codebook from the train rows at this FVU, for rows without number; made once a build."""
        path = self.folder / "-".join(map(str, (self.name, self.sae.name, variant.model, variant.effort, fvu,
                                                self.programs.build + ".codebook")))
        if not path.exists():
            self.programs.encode(self.train, "--sae", self.sae, "--fvu", fvu, "--expected-rows", MANY_ROWS, "--codebook-out",
                                 path, *variant.fitting, *self.train_docs)
        return path

    def marginal(self, results, variant, block_rows, fvu):
        """Adds the test file's bits, and the paper's estimates of the same code, to the results."""
        key = self.key("marginal", variant, block_rows, fvu)
        if results.find(**key):
            return
        codebook, file = self.codebook(variant, fvu), self.folder / "test.mdla"
        seconds = self.programs.encode(self.test, "--codebook", codebook, "--fvu", fvu, "--reference", "--block-rows", block_rows,
                                       "-o", file, *variant.coding, *self.test_docs)
        figures = self.programs.evaluate(self.test, file, codebook)
        if (variant.effort, block_rows) == (DEFAULT_EFFORT, DEFAULT_BLOCK):
            for method in ("bound", "entropy"):
                self.add(results, {**key, "method": "paper-" + method}, figures, figures[method + "_bits_per_row"], seconds)
        self.add(results, key, figures, file_bits(figures), seconds)

    def total(self, results, variant, fvu, extra=()):
        """Adds the train file's bits with its codebook inside; extra: further options' names."""
        key = self.key("+".join(["train", *extra]), variant, DEFAULT_BLOCK, fvu)
        if not results.find(**key):
            figures, seconds = self.embedded(variant, fvu, ("--" + e for e in extra))
            self.add(results, key, figures, file_bits(figures), seconds)

    def shared(self, results, variant, fvu, extra=()):
        """Adds the bits where ten million rows share the codebook, on the train rows and on the test rows."""
        keys = [self.key("+".join([measure, *extra]), variant, DEFAULT_BLOCK, fvu) for measure in ("1e7", "1e7-test")]
        if all(results.find(**key) for key in keys):
            return
        codebook, file = self.folder / "shared.codebook", self.folder / "test.mdla"
        figures, seconds = self.embedded(variant, fvu, ("--" + e for e in extra), "--expected-rows", TEN_MILLION,
                                         "--codebook-out", codebook)
        cost = codebook_bits(figures)
        self.add(results, keys[0], figures, figures["marginal_bits_per_row"] + cost / TEN_MILLION, seconds, cost)
        seconds = self.programs.encode(self.test, "--codebook", codebook, "--fvu", fvu, "--reference", "-o", file,
                                       *variant.coding, *self.test_docs)
        figures = self.programs.evaluate(self.test, file, codebook)
        self.add(results, keys[1], figures, file_bits(figures) + cost / TEN_MILLION, seconds, cost)

    def embedded(self, variant, fvu, extra, *options):
        """The figures of the train file with its codebook inside, and the seconds it took."""
        file = self.folder / "train.mdla"
        seconds = self.programs.encode(self.train, "--sae", self.sae, "--fvu", fvu, "--embed", "-o", file, *options, *extra,
                                       *variant.fitting, *self.train_docs)
        return self.programs.evaluate(self.train, file), seconds

    def add(self, results, key, figures, bits, seconds, cost=None):
        """A line; nothing where it stands already, from a run that was cut short."""
        if results.find(**key):
            return
        results.add(key, rows=figures["rows"], fvu="%.6f" % figures["fvu"], bits="%.3f" % bits, l0="%.3f" % figures["l0"],
                    codebook_bits=codebook_bits(figures) if cost is None else cost, width=figures["width"],
                    seconds="%.2f" % seconds)
        self.programs.say("%s: FVU %.4f, %.2f bits a row, %.0f s" % (
            ", ".join(str(v) for k, v in key.items() if k != "build"), figures["fvu"], bits, seconds))


def file_bits(figures):
    """Bits a row of a file; passage numbers, which come along with --docs, aside."""
    return figures["file_bits_per_row"] - figures["bits"].get("passage_numbers", 0) / figures["rows"]


def codebook_bits(figures):
    """Bits of the codebook in a file; 0 where the file only names it."""
    return round(sum(figures["bits"][part] for part in ("atoms", "bias", "priors")))
