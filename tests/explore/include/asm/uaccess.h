/* SPDX-License-Identifier: MIT */
/* asm/uaccess.h under the explorer: user memory is cpu_read() and cpu_add() of machine.h */
