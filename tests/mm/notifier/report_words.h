/* SPDX-License-Identifier: MIT */
/*
 * tests/mm/notifier/report_words.h - what a report of the lock validator says of a lock
 *
 * Problem. EXPECT_ONE_REPORT() looks for its words anywhere in a report. A class
 * `held' is found in the name of a function take_held() as well, and a function
 * may be there for another class than the test means.
 *
 * Idea. Look for the line as the report has it: with each class stands the place
 * where it was taken. An order the wrong way round has the first two for what was
 * tried, and the next two for each step of the order that was known:
 *
 *	 takes A at f+0x12				TAKES("A", "f")
 *	 while holding B, taken at g+0x34		WHILE_HOLDING("B", "g")
 *	 but the other order is known, last step first:
 *	  B was taken at h+0x56				WAS_TAKEN("B", "h")
 *	    while holding A, taken at i+0x78		UNDER("A", "i")
 *
 * The lock held at the try is held in no known step, so the second line and the
 * last are not found for each other. Of a sleep, where it was and what was held:
 *
 *	 file.c:12 in f+0x34				SLEEPS_IN("f")
 *	  holds A, taken at g+0x56			HOLDS("A", "g")
 */
#ifndef TESTS_MM_NOTIFIER_REPORT_WORDS_H
#define TESTS_MM_NOTIFIER_REPORT_WORDS_H

#define MAP_NAME            "mmu_notifier_invalidate_range_start"
#define MMAP_LOCK           "mm->mmap_lock"

#define TAKES(class, place) " takes " class " at " place "+"
#define WHILE_HOLDING(class, place) \
	" while holding " class ", taken at " place "+"
#define WAS_TAKEN(class, place) "  " class " was taken at " place "+"
#define UNDER(class, place)     "    while holding " class ", taken at " place "+"
#define SLEEPS_IN(place)        " in " place "+"
#define HOLDS(class, place)     "  holds " class ", taken at " place "+"

/* A lock that the body of a test takes itself, not in a function of its own. */
#define WHILE_TEST_HOLDS(class) " while holding " class ", taken at ktest_"

/* The end of every way back to mmap_lock: what boot says of it. */
#define MAP_IS_TAKEN_UNDER_MMAP_LOCK           \
	WAS_TAKEN(MAP_NAME, "mm_teach_order"), \
		UNDER(MMAP_LOCK, "mm_teach_order")

#endif
