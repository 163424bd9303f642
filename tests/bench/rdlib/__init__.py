"""Parts of tests/bench/rd: rows, bounds, residual vector quantisation, the programs, plots, verdicts."""
