// SPDX-License-Identifier: MIT
/*
 * cmdline.c - split the command line once, answer from the pieces
 *
 *	seed=7 mode=test verbose test="mmu_*, rcu.*"
 *
 * Words are separated by blanks; double quotes keep blanks in a value. A key
 * is known when CMDLINE_KEY() registered it. Anything else ends the boot with
 * the list of known keys: a mistyped option that is silently ignored costs
 * more than a boot. A key given twice is an error too.
 *
 * Splitting is done on a copy of our own by cmdline_split(), a pure function
 * that the tests feed. Locks: none, it is written once by the boot CPU.
 */
#include <arch/boot.h>
#include <lib/cmdline.h>
#include <lib/errno.h>
#include <lib/printk.h>
#include <lib/string.h>

static char text[1024];
static struct cmdline_word words[CMDLINE_MAX_WORDS];
static int nr_words;

int cmdline_split(char *line, struct cmdline_word *out, int max)
{
	char *p = line;
	int n = 0;

	for (;;) {
		char *to;
		bool quoted = false;

		while (*p == ' ' || *p == '\t')
			p++;
		if (!*p)
			return n;
		if (n == max)
			return -E2BIG;
		out[n].key = to = p;
		out[n].value = NULL;
		for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
			if (*p == '"') {
				quoted = !quoted;
			} else if (*p == '=' && !out[n].value) {
				*to++ = '\0';
				out[n].value = to;
			} else {
				*to++ = *p;
			}
		}
		if (quoted)
			return -EINVAL;
		if (*p)
			p++;
		*to = '\0';
		if (!out[n].value)
			out[n].value = to;
		n++;
	}
}

static bool is_known(const char *key)
{
	for (const struct cmdline_key *k = __cmdline_key_start;
	     k < __cmdline_key_end; k++)
		if (!strcmp(k->name, key))
			return true;
	return false;
}

static void list_keys(void)
{
	pr_emerg("command line: the keys are");
	for (const struct cmdline_key *k = __cmdline_key_start;
	     k < __cmdline_key_end; k++)
		pr_emerg("  %-10s %s", k->name, k->help);
}

void cmdline_parse(const char *line)
{
	strscpy(text, line, sizeof(text));
	nr_words = cmdline_split(text, words, CMDLINE_MAX_WORDS);
	if (nr_words == -E2BIG)
		boot_refuse("command line: more than %d words",
			    CMDLINE_MAX_WORDS);
	if (nr_words < 0)
		boot_refuse("command line: a quote is not closed");
	for (int i = 0; i < nr_words; i++) {
		if (!is_known(words[i].key)) {
			list_keys();
			boot_refuse("command line: no such key: '%s'",
				    words[i].key);
		}
		for (int j = 0; j < i; j++)
			if (!strcmp(words[i].key, words[j].key))
				boot_refuse("command line: '%s' is given twice",
					    words[i].key);
	}
}

const char *cmdline_get(const char *key)
{
	for (int i = 0; i < nr_words; i++)
		if (!strcmp(words[i].key, key))
			return words[i].value;
	return NULL;
}

int cmdline_get_u64(const char *key, u64 fallback, u64 *value)
{
	const char *s = cmdline_get(key);
	unsigned long number;
	int err;

	if (!s) {
		*value = fallback;
		return 0;
	}
	err = kstrtoul(s, 0, &number);
	if (!err)
		*value = number;
	return err;
}
