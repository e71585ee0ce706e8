//! Benchmarks: criterion per stage, and whole-pipeline throughput.
