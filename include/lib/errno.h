/* SPDX-License-Identifier: MIT */
/*
 * errno.h - the error numbers, and errors carried inside pointers
 *
 * The values are those of the x86_64 system call ABI, so that one day user
 * programs can be handed them as they are.  A function returns 0 or -Exxx;
 * one that returns a pointer returns ERR_PTR(-Exxx), which IS_ERR() tells
 * from an address because no object lies in the topmost page.
 */
#ifndef LIB_ERRNO_H
#define LIB_ERRNO_H

#include <lib/compiler.h>

#define EPERM        1
#define ENOENT       2
#define ESRCH        3
#define EINTR        4
#define EIO          5
#define ENXIO        6
#define E2BIG        7
#define EBADF        9
#define EAGAIN       11
#define ENOMEM       12
#define EACCES       13
#define EFAULT       14
#define EBUSY        16
#define EEXIST       17
#define ENODEV       19
#define EINVAL       22
#define ENOSPC       28
#define EROFS        30
#define EPIPE        32
#define EDOM         33
#define ERANGE       34
#define EDEADLK      35
#define ENAMETOOLONG 36
#define ENOSYS       38
#define ENODATA      61
#define ETIME        62
#define EPROTO       71
#define EBADMSG      74
#define EOVERFLOW    75
#define EILSEQ       84
#define EMSGSIZE     90
#define EOPNOTSUPP   95
#define ESHUTDOWN    108
#define ETIMEDOUT    110
#define EALREADY     114
#define EINPROGRESS  115
#define EREMOTEIO    121
#define ECANCELED    125
#define EOWNERDEAD   130
#define EHWPOISON    133

#define MAX_ERRNO    4095

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return unlikely((unsigned long)ptr >= (unsigned long)-MAX_ERRNO);
}

static inline bool IS_ERR_OR_NULL(const void *ptr)
{
	return unlikely(!ptr) || IS_ERR(ptr);
}

static inline void *ERR_CAST(const void *ptr)
{
	return (void *)ptr;
}

/**
 * errno_name() - the symbol of an error number
 * @err: an error, positive or negative
 *
 * Context: any.
 * Return: "EINVAL" and the like, "0" for 0, "E?" for a number not listed.
 */
const char *errno_name(int err);

#endif
