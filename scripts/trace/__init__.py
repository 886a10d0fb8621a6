# SPDX-License-Identifier: MIT
"""trace - the parts of scripts/trace.py, for it and for other scripts

    image       the kernel's ELF: where a symbol is, and which one an address is in
    memory      the guest's RAM by physical and by the kernel's addresses
    ring        rings in the guest's RAM or in the peer's file, read while written
    store       trace.bin: written by a recording, read by everything else
    clock       when in the guest's time was a record of the peer?
    live        names of what was there before the recording began
    record      from rings to a trace.bin
    perfetto    an encoder for Perfetto's protobuf
    text        a record as a line; small numbers for objects

docs/trace.md describes the format of trace.bin and each event.
"""
