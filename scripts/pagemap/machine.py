# SPDX-License-Identifier: MIT
"""machine - the memory of a machine that runs, hangs, or was kept

scripts/run-qemu makes a folder for each machine (docs/trace.md). The kernel's header
says where its layout is, so there is nothing to read before the kernel has booted.
"""

import os

from trace.image import Image
from trace.memory import Memory
from trace.ring import NotThere, Source


class Machine:
    """NotThere: the kernel has not made its header yet."""

    def __init__(self, folder):
        self.folder = folder
        self.ram = os.path.join(folder, 'ram')
        self.image = Image(os.path.join(folder, 'image'))
        source = Source(self.ram, self.image.physical('trace_header'))
        layout = source.describe()['layout']
        if 'pte_letters' not in layout:
            raise ValueError('this kernel exports no letters of pages')
        self.memory = Memory(source.view, layout)

    def gone(self):
        """scripts/run-qemu removes the folder at the end."""
        return not os.path.exists(self.ram)


def opened(folder):
    """The machine, or None if its kernel is not there yet."""
    try:
        return Machine(folder)
    except (NotThere, FileNotFoundError):
        return None
