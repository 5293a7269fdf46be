/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/denials.h"

/* Three digits are pasted, so that the table stays a table of plain numbers. */
#define DIGIT(number, place) ('0' + (number) / (place) % 10)
#define CODE(number)                                                                         \
	{                                                                                    \
		'O', 'S', 'W', DIGIT(number, 100), DIGIT(number, 10), DIGIT(number, 1), '\0' \
	}

static const struct denial_text texts[] = {
#define DENIAL_ROW(name, number, status, when, remedy) \
	[DENIAL_##name] = { CODE(number), status, when, remedy },
	DENIALS(DENIAL_ROW)
#undef DENIAL_ROW
};

const struct denial_text *denial_text(enum denial denial)
{
	return &texts[denial];
}

void denials_markdown(struct buf *out)
{
	buf_puts(out, "# Why a pod was refused\n\n"
		      "<!-- Printed by `openshell-webhook denials`. Change webhook/denials.h "
		      "instead. -->\n\n"
		      "A pod that cannot be sandboxed as asked is refused, never run without its "
		      "sandbox. The "
		      "message names every problem of the pod, each as `[CODE] what: what to do`. "
		      "Codes keep "
		      "their meaning for ever.\n\n"
		      "| code | status | when | what to do |\n|---|---|---|---|\n");
	for (size_t i = 0; i < DENIAL_COUNT; i++)
		buf_printf(out, "| %s | %d | %s | %s |\n", texts[i].code, texts[i].status,
			   texts[i].when, texts[i].remedy);
}
