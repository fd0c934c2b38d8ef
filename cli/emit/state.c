/* Text, not code, as in includes.c: comparing what a vCPU shows. */
/*% check_state check_state_bits */
static void check_state_bits(struct state *state, int i, uint64_t mask,
			     uint64_t expected)
{
	char what[80];

	snprintf(what, sizeof(what), "vCPU %d, %s: %s", state->vcpu,
		 state->when, names[i]);
	state->is_checked[i] = true;
	check_bits(what, mask, expected, state->value[i]);
}

/*% check_state */
static void check_state(struct state *state, int i, uint64_t expected)
{
	check_state_bits(state, i, UINT64_MAX, expected);
}

/*% check_state_one_of */
static void check_state_one_of(struct state *state, int i,
			       const struct choice choices[NR_OUTCOMES])
{
	char what[80];

	snprintf(what, sizeof(what), "vCPU %d, %s: %s", state->vcpu,
		 state->when, names[i]);
	state->is_checked[i] = true;
	check_one_of(what, choices, state->value[i]);
}

/*% ignore */
/* It may have any value. */
static void ignore(struct state *state, int i)
{
	state->is_checked[i] = true;
}

/*% check_rest */
/* All that was not checked by name is as in a new vCPU. */
static void check_rest(const struct state *state)
{
	char what[80], wrong[512] = "";

	for (int i = 0; i < NR_STATE; i++) {
		size_t len = strlen(wrong);

		if (state->is_checked[i] ||
		    !((state->value[i] ^ new_vcpu[i]) & ~open_bits[i]))
			continue;
		snprintf(wrong + len, sizeof(wrong) - len,
			 "%s%s 0x%llx (not 0x%llx)", len ? ", " : "", names[i],
			 (unsigned long long)state->value[i],
			 (unsigned long long)new_vcpu[i]);
	}
	snprintf(what, sizeof(what), "vCPU %d, %s: everything else",
		 state->vcpu, state->when);
	report(!wrong[0], what, "as in a new vCPU", wrong[0] ? wrong : "that");
}

/*% */
