/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/model/boot.pml - loader, agent, power and decay, all ways at once.
 *
 * Two slots, a record in two copies, a floor, an epoch, a keyring in two
 * places.  A charger on release 1 installs release 2, which is sound or not,
 * and then changes its keyring.  The power may go after any durable step, in
 * the middle of writing a copy too; one keyring's place may decay.  Spin looks
 * at every interleaving for:
 *
 *   no brick      some slot starts at each boot
 *   no rollback   floor and epoch never sink, nothing below them starts
 *   no haste      the floor rises only over what was confirmed
 *   progress      when the power stays, the charger comes to its end (ltl)
 *
 * tests/boot/model/check.sh also builds it with one rule broken at a time
 * (-DBREAK_...): each must be found.
 */
#define CUTS_MAX 3
#define TRIES 2

#define EMPTY 0
#define TRIAL 1
#define GOOD  2
#define BAD   3

#define OLD 1
#define NEW 2

typedef Record {
	bool valid;
	byte seq; /* modulo 4 */
	byte slot;
	byte state[2];
	byte tries[2];
	bool raise
};

Record copy[2]; /* durable */
byte release[2]; /* what is in the slots; 0: nothing whole */
byte security = OLD, epoch = OLD; /* floors */
byte place[2]; /* keyrings: 0 none, NEW */

Record r; /* in the loader's or the agent's memory */
byte in_force, cuts, decays, chosen, behind, k, j;
bool sound, power_came, old_in_both, did_confirm, trial, attacked, done;
bool level; /* both releases have the same security_version */

#define SECURITY(v) (level -> OLD : v)

/* The power may go here. */
#define CUT                                                                    \
	if                                                                     \
	:: cuts < CUTS_MAX -> cuts++; goto off                                 \
	:: skip                                                                \
	fi

inline load()
{
	if
	:: copy[0].valid && copy[1].valid ->
		if
		:: copy[1].seq == (copy[0].seq + 1) % 4 -> in_force = 1
		:: else -> in_force = 0
		fi
	:: copy[0].valid && !copy[1].valid -> in_force = 0
	:: !copy[0].valid && copy[1].valid -> in_force = 1
	:: else -> assert(false) /* one cut never loses both */
	fi;
	r.valid = true;
	r.seq = copy[in_force].seq;
	r.slot = copy[in_force].slot;
	r.state[0] = copy[in_force].state[0];
	r.state[1] = copy[in_force].state[1];
	r.tries[0] = copy[in_force].tries[0];
	r.tries[1] = copy[in_force].tries[1];
	r.raise = copy[in_force].raise
}

/* Writes the copy that is not in force. */
inline store()
{
#ifdef BREAK_COPY
	k = in_force;
#else
	k = 1 - in_force;
#endif
	copy[k].valid = false;
	CUT;
	d_step {
		copy[k].seq = (r.seq + 1) % 4;
		copy[k].slot = r.slot;
		copy[k].state[0] = r.state[0];
		copy[k].state[1] = r.state[1];
		copy[k].tries[0] = r.tries[0];
		copy[k].tries[1] = r.tries[1];
		copy[k].raise = r.raise;
		copy[k].valid = true;
		r.seq = copy[k].seq;
		in_force = k
	}
	CUT
}

/* Which keyring is behind release v: 0 if none that stands accepts it. */
inline ask_rings(v)
{
	if
	:: v == 0 -> behind = 0
	:: v != 0 && (place[0] == NEW || place[1] == NEW) &&
	   (v == NEW || old_in_both) -> behind = NEW
#ifdef BREAK_EPOCH
	:: else -> behind = OLD
#else
	:: else -> behind = (epoch <= OLD && v != 0 -> OLD : 0)
#endif
	fi
}

inline judge(number)
{
	j = number;
	ask_rings(release[j]);
#ifdef BREAK_FLOOR
	sound = behind != 0
#else
	sound = behind != 0 && SECURITY(release[j]) >= security
#endif
}

/* Never over the one that is good: it may be the only one. */
inline put_ring(p)
{
	if
#ifdef BREAK_KEEP
	:: true ->
#else
	:: place[p] != NEW ->
#endif
		place[p] = 0;
		CUT;
		place[p] = NEW;
		CUT
	:: else -> skip
	fi
}

#define may_start(s)                                                           \
	(r.state[s] == GOOD || (r.state[s] == TRIAL && r.tries[s] > 0))

/* boot/boot.c */
inline choose()
{
	chosen = 2;
	judge(r.slot);
	if
	:: may_start(r.slot) && sound -> chosen = r.slot
	:: else ->
		judge(1 - r.slot);
		if
		:: may_start(1 - r.slot) && sound -> chosen = 1 - r.slot
		:: else -> skip
		fi
	fi;
	assert(chosen < 2) /* no brick */
}

init {
	if
	:: old_in_both = true
	:: old_in_both = false
	fi;
	if
	:: level = true
	:: level = false
	fi;
	d_step {
		copy[0].valid = true;
		copy[0].state[0] = GOOD;
		copy[0].state[1] = EMPTY;
		release[0] = OLD;
		power_came = true
	}

loader:
	load();
	choose();
	if /* floors first, then the record, then the start */
#ifdef BREAK_HASTE
	:: r.raise || r.state[chosen] == TRIAL ->
#else
	:: r.raise && r.state[chosen] == GOOD ->
#endif
		/* no haste */
		assert(release[chosen] == OLD || did_confirm || attacked);
		if
		:: SECURITY(release[chosen]) > security ->
			security = SECURITY(release[chosen]);
			CUT
		:: else -> skip
		fi;
		judge(chosen);
		if
#ifdef BREAK_PLACES
		:: behind > epoch && place[0] == NEW ->
#else
		:: behind > epoch && place[0] == NEW && place[1] == NEW ->
#endif
			epoch = behind;
			CUT
		:: else -> skip
		fi;
		r.raise = false;
		store()
	:: else -> skip
	fi;
	trial = r.state[chosen] == TRIAL;
	if
	:: chosen != r.slot || (trial && !power_came) ->
		if
		:: chosen != r.slot && r.state[r.slot] == TRIAL ->
			r.state[r.slot] = BAD;
			r.tries[r.slot] = 0
		:: else -> skip
		fi;
		r.slot = chosen;
#ifndef BREAK_TRY
		if
		:: trial && !power_came -> r.tries[chosen]--
		:: else -> skip
		fi;
#endif
		store()
	:: else -> skip
	fi;
	assert(SECURITY(release[chosen]) >= security); /* no rollback */
	ask_rings(release[chosen]);
	assert(behind >= epoch);

	/* The release runs; the agent does the next thing there is to do. */
	power_came = false;
	CUT;
	load();
	if
	:: trial && release[chosen] == NEW ->
		if
		:: /* it hangs or falls over: the watchdog starts the loader */
			goto loader
		:: /* its health is bad, and it can still say so */
			r.state[chosen] = BAD;
			r.tries[chosen] = 0;
			r.slot = 1 - chosen;
			store()
		:: /* all is well */
			r.state[chosen] = GOOD;
			r.tries[chosen] = 0;
			r.raise = true;
			did_confirm = true;
			store()
		fi;
		goto loader
	:: release[chosen] == OLD && r.state[1 - chosen] != BAD ->
		/* begin, write, arm */
		r.state[1 - chosen] = EMPTY;
		r.tries[1 - chosen] = 0;
		store();
		release[1 - chosen] = 0;
		CUT;
		release[1 - chosen] = NEW;
		CUT;
		r.state[1 - chosen] = TRIAL;
		r.tries[1 - chosen] = TRIES;
		r.slot = 1 - chosen;
		store();
		goto loader
	:: else -> skip
	fi;
	if
	:: r.raise -> goto loader
	:: else -> skip
	fi;
	/* Both places get the next keyring, if what runs stands under it. */
	if
	:: release[chosen] == NEW || old_in_both ->
		if
		:: place[0] != NEW || place[1] != NEW || epoch != NEW ->
			put_ring(0);
			put_ring(1);
			if
			:: epoch != NEW ->
				r.raise = true; /* renew */
				store();
				goto loader
			:: else -> skip
			fi
		:: else -> skip
		fi
	:: else -> skip
	fi;
	if
	:: cuts < CUTS_MAX -> cuts++; goto off /* and once more from the top */
	:: skip
	fi;
	done = true;
	/* Where it may end: on what was confirmed, with all floors risen. */
	assert(!trial);
	assert(attacked || security == SECURITY(release[chosen]));
	assert(attacked || release[chosen] == OLD || did_confirm);
	assert(epoch == NEW || (release[chosen] == OLD && !old_in_both));
	goto end;

off:
	/* Without power a sector may rot: one, once. */
	power_came = true;
	if
	:: decays == 0 -> decays = 1; place[0] = 0
	:: decays == 0 -> decays = 1; place[1] = 0
	:: skip
	fi;
	/* And somebody may write the record, which nothing keeps from it. */
	if
	:: !attacked ->
		attacked = true;
		d_step {
			copy[0].slot = 1 - copy[0].slot;
			copy[0].state[0] = GOOD;
			copy[0].state[1] = GOOD;
			copy[0].tries[0] = 0;
			copy[0].tries[1] = 0;
			copy[0].valid = true;
			copy[1].valid = false
		}
	:: skip
	fi;
	goto loader;
end:
	skip
}

ltl progress { <> done }
