"""Speed, beside other ways to do the same work, in one run on one machine: `make bench`."""
