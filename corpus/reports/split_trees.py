"""Synthetic trees of directions, for what splits.py measures: concepts of which some have variants, and two SAEs that
know them: one with an atom for each concept, one where the concepts that have variants are split into an atom each.

A concept's direction is drawn evenly; a variant's is the concept's plus `spread` times another, at length 1. Each concept
is active in a row with probability 0.08 and a strength of 2 and an exponential of mean 1, in one of its variants; noise
of deviation 0.02 is added to every value. Atoms are the true directions, encoders the atoms with threshold 1.5.
"""
import array
import math
import random

import splits

DIMS, CONCEPTS, SPLIT, VARIANTS = 48, 30, 8, 3
RATE, NOISE, THRESHOLD = 0.08, 0.02, 1.5


def unit(values):
    length = math.sqrt(sum(v * v for v in values))
    return [v / length for v in values]


class SplitTrees:
    """family: the concept of each feature of the split SAE."""

    def __init__(self, seed, spread):
        self.rng = random.Random(seed)
        self.concepts = [self.direction() for _ in range(CONCEPTS)]
        self.atoms, self.family = [], []
        for number, concept in enumerate(self.concepts):
            for _ in range(VARIANTS if number < SPLIT else 1):
                off = self.direction() if number < SPLIT else [0] * DIMS
                self.atoms.append(unit([c + spread * o for c, o in zip(concept, off)]))
                self.family.append(number)

    def direction(self):
        return unit([self.rng.gauss(0, 1) for _ in range(DIMS)])

    def rows(self, count):
        """float32 [count][DIMS]."""
        variants = [[a for a, f in zip(self.atoms, self.family) if f == c] for c in range(CONCEPTS)]
        values = array.array("f")
        for _ in range(count):
            row = [self.rng.gauss(0, NOISE) for _ in range(DIMS)]
            for concept in range(CONCEPTS):
                if self.rng.random() < RATE:
                    atom, strength = self.rng.choice(variants[concept]), 2 + self.rng.expovariate(1)
                    row = [v + strength * a for v, a in zip(row, atom)]
            values.extend(row)
        return values

    def split_sae(self):
        return sae_of(self.atoms)

    def whole_sae(self):
        """One atom a concept: the mean of its variants."""
        return self.split_sae().merged([dict.fromkeys(self.members(c), 1.0) for c in range(SPLIT)])

    def members(self, concept):
        return [f for f, c in enumerate(self.family) if c == concept]


def sae_of(atoms):
    width = len(atoms)
    config = {"architecture": "jumprelu", "d_in": DIMS, "d_sae": width, "dtype": "float32", "device": "cpu",
              "apply_b_dec_to_input": False, "normalize_activations": "none", "metadata": {"sae_lens_version": "6.18.0"}}
    return splits.Sae(config, {
        "W_enc": array.array("f", (atoms[f][d] for d in range(DIMS) for f in range(width))),
        "W_dec": array.array("f", (v for atom in atoms for v in atom)),
        "b_enc": array.array("f", [0] * width), "b_dec": array.array("f", [0] * DIMS),
        "threshold": array.array("f", [THRESHOLD] * width)})
