/* SPDX-License-Identifier: MIT */
/*
 * stack.h - show the calls that led here
 */
#ifndef LIB_STACK_H
#define LIB_STACK_H

#include <lib/printk.h>

/**
 * print_stack() - log the caller's stack, a line for each frame
 * @level: of the messages
 * @skip: innermost frames to leave out; 0 begins with the caller
 *
 * Context: any.
 */
void print_stack(enum log_level level, unsigned int skip);

#endif
