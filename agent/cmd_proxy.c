/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_proxy: the container of a proxy that is not in the workload's: a sidecar's, or one in a pod of its own. Its end is
 * no way out: the fence stays, and the kubelet starts it again. Identity takes privilege, which the parent and the
 * identity helper have; without identity nobody here has any. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/cmds.h"
#include "agent/own_log.h"
#include "agent/own_stdio.h"
#include "agent/paired.h"
#include "agent/proxy_options.h"
#include "agent/reload.h"
#include "agent/sandbox/ids.h"
#include "agent/sandbox/supervise.h"
#include "agent/sidecar.h"
#include "agent/workload_env.h"
#include "lib/cleanup.h"
#include "lib/cmd.h"

struct proxy_command {
	struct proxy_options options;
	const char *state_dir, *tls_dir;
	const char *pairing_dir; /* not NULL: in a pod of its own */
	bool refuse_binaries;
};

struct serving {
	struct run_policy policy;
	struct sidecar_config sidecar_config;
	struct paired_config paired_config;
	/* One of them. */
	struct sidecar sidecar;
	struct proxy_processes paired;
	struct proxy_processes *processes; /* of it */
	struct loop *loop;
	struct reload *reload;
};

static void serving_done(struct serving *serving)
{
	reload_free(serving->reload);
	loop_free(serving->loop);
	sidecar_done(&serving->sidecar);
	proxy_processes_done(&serving->paired);
	run_policy_done(&serving->policy);
}

static int check_place(const struct proxy_options *o, struct err *err)
{
	if (o->relaxed_identity && geteuid() != 0)
		return geteuid() == o->proxy_uid
			       ? 0
			       : err_set(err, ERR_DENIED,
					 "started as UID %u: the container's runAsUser must be "
					 "--proxy-uid %u",
					 geteuid(), o->proxy_uid);
	if (!o->relaxed_identity && getpid() == 1)
		return err_set(err, ERR_DENIED,
			       "it cannot see the workload's processes: the pod needs "
			       "shareProcessNamespace: true, or openshell.io/binary-identity: "
			       "relaxed");
	return ids_check_proxy_privilege(err);
}

static int give_up_privilege(struct err *err)
{
	const struct ids own = { .uid = getuid(), .gid = getgid() };
	int error = geteuid() == 0 ? ids_keep_only_kill() : ids_settle(&own);

	if (error != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_set(err, ERR_DENIED, "give up own privilege: %s",
			       strerror(error != 0 ? error : errno));
	return own_stdio(err);
}

static int check(void *ctx, struct err *err)
{
	return sidecar_check(ctx, err);
}

static int watch(const struct log *log, const struct proxy_options *o, struct serving *s,
		 int *out_status, struct err *err)
{
	if (loop_new(&s->loop, err) == -1)
		return -1;
	const struct reload_config reload = {
		.loop = s->loop,
		.log = log,
		.path = o->policy_path,
		.feed = &s->processes->feed,
		.start = &s->policy,
	};
	struct supervise_config config = {
		.loop = s->loop,
		.workload = s->processes->worker,
	};

	if (s->processes == &s->sidecar.processes) {
		config.check = check;
		config.ctx = &s->sidecar;
		config.check_every_s = PROXY_CHECK_EVERY_S;
	}
	if (o->policy_path != NULL && reload_new(&reload, &s->reload, err) == -1)
		return -1;
	if (s->processes->helper != 0)
		config.essential[config.n_essential++] = s->processes->helper;
	return supervise(&config, out_status, err);
}

static int start_sidecar(const struct proxy_command *command, const struct proxy_config *proxy,
			 struct serving *s, struct err *err)
{
	s->sidecar_config = (struct sidecar_config){
		.proxy = *proxy,
		.state_dir = command->state_dir,
		.tls_dir = command->tls_dir,
	};
	s->processes = &s->sidecar.processes;
	return sidecar_start(&s->sidecar_config, &s->sidecar, err);
}

static int start_paired(const struct proxy_command *command, const struct proxy_config *proxy,
			struct serving *s, struct err *err)
{
	s->paired_config = (struct paired_config){ .proxy = *proxy, .dir = command->pairing_dir };
	s->processes = &s->paired;
	return paired_start(&s->paired_config, &s->paired, err);
}

static int start(const struct log *log, const struct proxy_command *command, struct serving *s,
		 struct err *err)
{
	const struct proxy_options *o = &command->options;

	if (check_place(o, err) == -1 ||
	    run_policy_load(o->policy_path, o->policy_optional, &s->policy, err) == -1)
		return -1;
	if (command->refuse_binaries && run_policy_refuse_binaries(s->policy.policy, err) == -1)
		return err_wrap(err, "%s", o->policy_path);
	struct proxy_config proxy = proxy_options_config(o, log, s->policy.policy);
	proxy.refuse_binaries = command->refuse_binaries;
	proxy.roots = "/ca-bundle.pem";
	int result = command->pairing_dir != NULL ? start_paired(command, &proxy, s, err)
						  : start_sidecar(command, &proxy, s, err);
	return result == -1 ? -1 : give_up_privilege(err);
}

static void tell_start(const struct log *log, const char *url, const struct run_policy *policy)
{
	struct log_line line = log_begin(log, LOG_LEVEL_INFO, "policy.loaded");

	log_str(&line, "source", policy->source);
	log_str(&line, "sha256", policy->sha256);
	log_end(&line);
	line = log_begin(log, LOG_LEVEL_INFO, "proxy.listening");
	log_str(&line, "url", url);
	log_end(&line);
	for (size_t i = 0; i < policy->policy->warnings.n; i++)
		log_reason(log, LOG_LEVEL_WARN, "policy.warning",
			   policy->policy->warnings.items[i].text);
}

static int run(const struct log *log, const struct proxy_command *command)
{
	AUTO(serving_done)
	struct serving serving = { .sidecar = SIDECAR_INIT, .paired = PROXY_PROCESSES_INIT };
	struct err err = { 0 };
	int status = EXIT_NO_SANDBOX;

	if (start(log, command, &serving, &err) == -1) {
		log_reason(log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	tell_start(log, command->pairing_dir != NULL ? "http://*:3128" : SIDECAR_PROXY_URL,
		   &serving.policy);
	if (watch(log, &command->options, &serving, &status, &err) == -1) {
		log_reason(log, LOG_LEVEL_ERROR, "sandbox.failed", err.msg);
		return EXIT_NO_SANDBOX;
	}
	/* supervise() has reaped it. */
	serving.processes->worker = 0;
	return status;
}

static int check_directories(const struct proxy_command *c, struct err *err)
{
	if (c->pairing_dir == NULL)
		return c->state_dir != NULL && c->tls_dir != NULL
			       ? 0
			       : err_set(err, ERR_INVALID,
					 "--state-dir and --tls-dir are needed, or --pairing-dir");
	if (c->state_dir != NULL || c->tls_dir != NULL)
		return err_set(err, ERR_INVALID,
			       "--pairing-dir excludes --state-dir and --tls-dir");
	return 0;
}

static int parse(int argc, char **argv, struct proxy_command *out, bool *out_help, struct err *err)
{
	static const char synopsis[] = "openshell-agent proxy [OPTIONS]";
	struct proxy_words words = { 0 };
	const struct cmd_option own[] = {
		{ "--state-dir", CMD_TEXT, &out->state_dir, "DIRECTORY",
		  "the proxy's alone, where its certificate authority is kept" },
		{ "--tls-dir", CMD_TEXT, &out->tls_dir, "DIRECTORY",
		  "where the workload reads the authority's certificate" },
		{ "--pairing-dir", CMD_TEXT, &out->pairing_dir, "DIRECTORY",
		  "in place of both, in a pod of its own: the authority, and the credentials that "
		  "clients have to name" },
	};
	struct cmd_option options[PROXY_OPTIONS_ROWS + ARRAY_LEN(own)];
	int rest = 0;

	proxy_options_rows(&out->options, &words, options);
	memcpy(options + PROXY_OPTIONS_ROWS, own, sizeof(own));
	*out_help = cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv);
	if (*out_help)
		return 0;
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, err) == -1 ||
	    proxy_options_read(&words, &out->options, err) == -1)
		return -1;
	if (rest < argc)
		return err_set(err, ERR_INVALID, "'%s' is too much", argv[rest]);
	if (check_directories(out, err) == -1)
		return -1;
	/* The programs are in another pod. */
	out->refuse_binaries = out->pairing_dir != NULL && !out->options.relaxed_identity;
	out->options.relaxed_identity |= out->pairing_dir != NULL;
	return 0;
}

int cmd_proxy(int argc, char **argv)
{
	char run_id[OWN_LOG_ID_SIZE];
	struct log log;
	struct proxy_command command = { 0 };
	struct err err = { 0 };
	bool help = false;

	if (own_log_begin(run_id, &log, &err) == -1 ||
	    parse(argc, argv, &command, &help, &err) == -1) {
		log_reason(&log, LOG_LEVEL_ERROR, "sandbox.refused", err.msg);
		return EXIT_NO_SANDBOX;
	}
	log.level = command.options.log_level;
	log.format = command.options.log_format;
	return help ? 0 : run(&log, &command);
}
