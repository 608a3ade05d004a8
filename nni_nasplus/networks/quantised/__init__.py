"""Networks whose layers compute at few bits.

grids.py says which values there are, and quantisers.py takes the nearest of them, with straight-through gradients.
layers.py has what stands in a layer's place, bit_operations.py what layers cost. In space.py the bits of each layer of
a found network are decisions, in supernet.py all bits are there at once, of one weight.
"""
