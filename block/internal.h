/* SPDX-License-Identifier: MIT */
/*
 * block/internal.h - shared by the files of this directory
 */
#ifndef BLOCK_INTERNAL_H
#define BLOCK_INTERNAL_H

#include <block/disk.h>

/* The lists and the device: request.c. */

/* Take what the device has done; @finished gets it. */
void block_collect_locked(struct block_disk *disk, struct list_head *finished)
	__must_hold(&disk->lock);

/* Give the device what it has room for; @finished gets flushes of which it has no part. */
void block_dispatch_locked(struct block_disk *disk, struct list_head *finished)
	__must_hold(&disk->lock);

/* Move @req, wherever it is, to @finished, with @error. */
void block_end_locked(struct block_disk *disk, struct block_request *req,
		      int error, struct list_head *finished)
	__must_hold(&disk->lock);

/* Move @req from the device back to the front of those that wait. */
void block_take_back_locked(struct block_disk *disk, struct block_request *req)
	__must_hold(&disk->lock);

/* Call each done(); no lock is held. */
void block_hand_back(struct block_disk *disk, struct list_head *finished);

/* Time limits and resets: watch.c. */

/* Look from now on, until the disk has no request. */
void block_watch_locked(struct block_disk *disk) __must_hold(&disk->lock);

/* The functions of disk->watch and disk->lie. */
void block_watch(struct work_struct *work);
void block_lie(struct work_struct *work);

#endif
