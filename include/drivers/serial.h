/* SPDX-License-Identifier: MIT */
/*
 * drivers/serial.h - input from the first serial port
 */
#pragma once

#include <lib/types.h>

/**
 * serial_getc() - wait for a character
 *
 * Context: thread context, sleeps.
 * Return: the character, -ENODEV when there is no port, -EINTR when the task
 *         was killed.
 */
int serial_getc(void);
