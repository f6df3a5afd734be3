"""The cost model: what a job takes in time and memory, from numbers that are known before it runs."""
