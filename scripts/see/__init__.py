# SPDX-License-Identifier: MIT
"""see - the parts of scripts/see.py

    races       the races of docs/races.md, and the steps of each: races.txt
    match       where in a trace the steps of a race are
    model       how a model fails without what wins a race, as columns
"""
