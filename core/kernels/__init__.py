"""Compiled kernels for the CPU: draws and small products, made by numba on the user's machine, without a compiler.

`building` makes a kernel out of a plain function of arrays, and is the one place that hands tensors over; `scalars`
holds what they are written in (hash, uniform and normal numbers, elementary functions); the other modules are kernels.
`populace.arithmetic` decides whether kernels are used at all. Nothing here is imported before the first kernel runs.
Arrays of kernels and the objects of numba's compiler are `Any` in the annotations: numba has its own types.
"""
