# SPDX-License-Identifier: MIT
"""pagemap - the parts of scripts/map.py: what is mapped where, just now

    machine     a machine's folder: its memory, its layout, its symbols
    letters     the kernel's table of letters
    tables      the page tables of an address space, each read whole or said to be torn
    spaces      address spaces: regions, pages, devices, open ranges, waiters
    rows        lines of letters, as the monitor's `map` prints them
    terminal    a map that is drawn again and again
    web, page   a map in a browser on this host
    figure      maps of a few moments as SVG
    moments     the moments of docs/figures/map.svg, met in a contest

docs/map.md says how to read a map.
"""
