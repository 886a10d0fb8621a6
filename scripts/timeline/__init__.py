# SPDX-License-Identifier: MIT
"""timeline - the parts of scripts/timeline.py, scripts/see.py and scripts/figures.py

    picture     lanes, bars, marks and arrows, and how bars are put into rows
    build       from the records of a trace to a picture
    guest       what CPUs and threads do
    device      what the device does, and how its records fit the driver's
    spaces      address spaces: ranges, subscriptions, pages
    kinds       each kind of bar, mark and arrow: its sign, and a sentence on it
    pack        a picture as bytes for the page
    files       pages that are written
    page        the page: HTML, style and JavaScript, joined into one file
    tracks      a picture as tracks of Perfetto
    svg         a part of a picture as a small drawing for documents

docs/timeline.md says how a timeline is read.
"""
