"""Compiled kernels for the CPU: draws and small products, made by numba on the user's machine, without a compiler.

`building` makes a kernel out of a plain function of arrays, and is the one place that hands tensors over; `scalars` holds
the words they are written in (hash, uniform and normal numbers, elementary functions); the other modules are kernels.
Whether kernels are used at all is `populace.arithmetic`'s to say. Nothing here is imported before the first kernel runs.
"""
