/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/cmd_serve.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/cmd.h"
#include "webhook/choices.h"
#include "webhook/duties.h"
#include "webhook/image_options.h"
#include "webhook/kube_informer.h"
#include "webhook/listen.h"
#include "webhook/server.h"
#include "webhook/serving_cert.h"
#include "webhook/watch.h"

enum {
	/* Until every API server has seen that the endpoint is gone; then nothing new arrives. */
	DRAIN_DEFAULT_S = 10,
	DRAIN_MAX_S = 600,
	TICK_S = 1,
};

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

struct options {
	const char *listen, *metrics_listen, *cert, *key, *drain, *log_level;
	const char *namespaces, *kubernetes, *account;
	struct config_text config;
	struct duties_text duties;
	struct image_text images;
};

struct serving {
	struct options options;
	struct webhook_config config;
	struct image_options images;
	uint32_t drain_s;
	struct log log;
	struct server *server;
	struct kube_informer *informer;
	struct duties_plan plan;
	struct duties *duties;
	struct watch cert_watch, namespaces_watch;
};

static int check_required(const struct cmd_option *options, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (*(const char **)options[i].out == NULL)
			return err_set(err, ERR_INVALID, "%s is needed", options[i].name);
	return 0;
}

static int interpret(struct serving *serving, struct err *err)
{
	const struct options *options = &serving->options;

	serving->drain_s = DRAIN_DEFAULT_S;
	if (config_parse(&options->config, &serving->config, err) == -1 ||
	    image_options_parse(&options->images, &serving->images, err) == -1)
		return -1;
	serving->config.image_lookup = serving->images.lookup;
	if (options->drain != NULL && (!choices_parse_id(options->drain, 0, &serving->drain_s) ||
				       serving->drain_s > DRAIN_MAX_S))
		return err_set(err, ERR_INVALID, "--drain-seconds '%s' is not in 0..%d",
			       options->drain, DRAIN_MAX_S);
	serving->log.level = LOG_LEVEL_INFO;
	return log_parse_level(options->log_level, &serving->log.level, err);
}

/* A certificate comes from files, or else we keep one of our own in the cluster. */
static int check_certificate(const struct options *options, struct duties_plan *out,
			     struct err *err)
{
	if ((options->cert == NULL) != (options->key == NULL))
		return err_set(err, ERR_INVALID, "--tls-cert and --tls-key go together");
	if (duties_parse(&options->duties, options->cert != NULL, out, err) == -1)
		return -1;
	if (options->duties.service != NULL && options->kubernetes == NULL)
		return err_set(err, ERR_INVALID, "--service needs --kubernetes");
	return 0;
}

static int check_source(struct options *options, struct err *err)
{
	if ((options->namespaces == NULL) == (options->kubernetes == NULL))
		return err_set(err, ERR_INVALID, "either --namespaces or --kubernetes is needed");
	if (options->kubernetes != NULL && strncmp(options->kubernetes, "https://", 8) != 0)
		return err_set(err, ERR_INVALID, "--kubernetes '%s' does not begin with https://",
			       options->kubernetes);
	if (options->account == NULL)
		options->account = SERVICE_ACCOUNT;
	return 0;
}

static int load_namespaces(struct serving *serving, struct err *err)
{
	struct namespaces fresh;

	if (namespaces_load(serving->options.namespaces, &fresh, err) == -1)
		return err_wrap(err, "namespaces");
	server_set_namespaces(serving->server, &fresh);
	return 0;
}

static void on_namespaces(void *cls, struct namespaces *fresh)
{
	struct serving *serving = cls;

	server_set_namespaces(serving->server, fresh);
}

static void on_version(void *cls, struct kube_version version)
{
	struct serving *serving = cls;

	server_set_kubernetes(serving->server, version);
}

static int learn_namespaces(struct serving *serving, struct err *err)
{
	const struct kube_informer_options informer = {
		.server = serving->options.kubernetes,
		.account = serving->options.account,
		.log = &serving->log,
		.publish = on_namespaces,
		.publish_version = on_version,
		.cls = serving,
	};

	if (serving->options.namespaces != NULL)
		return load_namespaces(serving, err);
	if (kube_informer_start(&informer, &serving->informer, err) == -1)
		return err_wrap(err, "namespaces");
	return 0;
}

/* What was loaded stays in use where the new one is no good; that is said once per change. */
static void reload(struct serving *serving, bool asked)
{
	struct err err;

	if (serving->options.cert != NULL && (watch_changed(&serving->cert_watch) || asked)) {
		if (serving_cert_load(serving->options.cert, serving->options.key, &err) == -1)
			log_reason(&serving->log, LOG_LEVEL_ERROR, "certificate.refused", err.msg);
		else
			log_reason(&serving->log, LOG_LEVEL_INFO, "certificate.loaded",
				   serving->options.cert);
	}
	if (serving->images.logins != NULL)
		image_login_files_refresh(serving->images.logins, &serving->log);
	if (serving->options.namespaces == NULL)
		return;
	if (watch_changed(&serving->namespaces_watch) || asked) {
		if (load_namespaces(serving, &err) == -1)
			log_reason(&serving->log, LOG_LEVEL_ERROR, "namespaces.refused", err.msg);
		else
			log_reason(&serving->log, LOG_LEVEL_INFO, "namespaces.loaded",
				   serving->options.namespaces);
	}
}

static sigset_t block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return set;
}

static void run_until_told(struct serving *serving, const sigset_t *signals)
{
	const struct timespec tick = { .tv_sec = TICK_S };

	for (;;) {
		int signal_number = sigtimedwait(signals, NULL, &tick);

		if (signal_number == SIGTERM || signal_number == SIGINT)
			return;
		reload(serving, signal_number == SIGHUP);
		serving_cert_sweep(clock_ms(CLOCK_MONOTONIC));
		server_tick(serving->server);
	}
}

/* A second signal ends the wait, not the requests under way. */
static void drain(struct serving *serving, const sigset_t *signals)
{
	const struct timespec tick = { .tv_sec = TICK_S };

	log_reason(&serving->log, LOG_LEVEL_INFO, "draining", "asked to end");
	server_drain(serving->server);
	duties_stop(serving->duties);
	for (uint32_t left = serving->drain_s; left > 0; left--) {
		int signal_number = sigtimedwait(signals, NULL, &tick);

		if (signal_number == SIGTERM || signal_number == SIGINT)
			break;
		server_tick(serving->server);
	}
	kube_informer_stop(serving->informer);
	server_stop(serving->server);
	image_options_done(&serving->images);
	serving_cert_done();
	log_reason(&serving->log, LOG_LEVEL_INFO, "stopped", "drained");
}

/* Before loading: a change in between is then loaded once more, not missed. */
static int load_files(struct serving *serving, struct err *err)
{
	const struct options *options = &serving->options;

	serving->cert_watch = (struct watch){ .paths = { options->cert, options->key },
					      .n = options->cert != NULL ? 2 : 0 };
	serving->namespaces_watch = (struct watch){ .paths = { options->namespaces },
						    .n = options->namespaces != NULL };
	watch_changed(&serving->cert_watch);
	watch_changed(&serving->namespaces_watch);
	if (options->cert != NULL && serving_cert_load(options->cert, options->key, err) == -1)
		return err_wrap(err, "certificate");
	/* Without a login no more than images behind it are not looked up: no reason not to serve. */
	if (serving->images.logins != NULL)
		image_login_files_refresh(serving->images.logins, &serving->log);
	return 0;
}

static int start_duties(struct serving *serving, struct err *err)
{
	const struct duties_options duties = {
		.plan = &serving->plan,
		.api = serving->options.kubernetes,
		.account = serving->options.account,
		.config = &serving->config,
		.log = &serving->log,
		.server = serving->server,
	};

	if (serving->options.duties.service == NULL)
		return 0;
	return duties_start(&duties, &serving->duties, err);
}

static int start(struct serving *serving, struct err *err)
{
	const struct options *options = &serving->options;
	char bound[LISTEN_TEXT_MAX], metrics_bound[LISTEN_TEXT_MAX] = "";
	int plain_fd = -1, tls_fd = -1;

	if (load_files(serving, err) == -1)
		return -1;
	if (listen_open(options->listen, &tls_fd, bound, err) == -1)
		return err_wrap(err, "--listen");
	if (options->metrics_listen != NULL &&
	    listen_open(options->metrics_listen, &plain_fd, metrics_bound, err) == -1) {
		close(tls_fd);
		return err_wrap(err, "--metrics-listen");
	}
	const struct server_options server = {
		.config = &serving->config,
		.log = &serving->log,
		.tls_fd = tls_fd,
		.plain_fd = plain_fd,
		.kubernetes = options->kubernetes,
		.account = options->account,
		.images = serving->images.lookup != IMAGE_LOOKUP_OFF ? &serving->images.resolver
								     : NULL,
	};
	if (server_start(&server, &serving->server, err) == -1)
		return -1;
	if (start_duties(serving, err) == -1 || learn_namespaces(serving, err) == -1) {
		duties_stop(serving->duties);
		server_stop(serving->server);
		return -1;
	}
	struct log_line line = log_begin(&serving->log, LOG_LEVEL_INFO, "serving");
	log_str(&line, "version", OPENSHELL_VERSION);
	log_str(&line, "address", bound);
	log_str(&line, "metrics_address", metrics_bound);
	log_end(&line);
	return 0;
}

int cmd_serve(int argc, char **argv)
{
	struct serving serving = { 0 };
	struct options *to = &serving.options;
	/* The first REQUIRED of these must be given. */
	enum { REQUIRED = 2 };
	const struct cmd_option options[] = {
		{ "--listen", CMD_TEXT, &to->listen, "ADDR:PORT", "serve TLS here" },
		CONFIG_OPTIONS(&to->config),
		{ "--tls-cert", CMD_TEXT, &to->cert, "FILE", "certificate chain (PEM)" },
		{ "--tls-key", CMD_TEXT, &to->key, "FILE", "its key (PEM)" },
		DUTIES_OPTIONS(&to->duties),
		IMAGE_OPTIONS(&to->images),
		{ "--kubernetes", CMD_TEXT, &to->kubernetes, "URL",
		  "learn the namespaces from this API server" },
		{ "--service-account", CMD_TEXT, &to->account, "FOLDER",
		  "ca.crt and token for it, default " SERVICE_ACCOUNT },
		{ "--namespaces", CMD_TEXT, &to->namespaces, "FILE",
		  "or from these Namespace objects (YAML, JSON)" },
		{ "--metrics-listen", CMD_TEXT, &to->metrics_listen, "ADDR:PORT",
		  "health and metrics without TLS here" },
		{ "--drain-seconds", CMD_TEXT, &to->drain, "N",
		  "serve on after SIGTERM, default 10" },
		{ "--log-level", CMD_TEXT, &to->log_level, "LEVEL",
		  "error, warn, info (default), debug" },
	};
	static const char synopsis[] = "openshell-webhook serve OPTIONS";
	struct err err = { 0 };
	int rest = 0;

	if (cmd_wants_help(synopsis, options, ARRAY_LEN(options), argc, argv))
		return 0;
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, &err) == -1 ||
	    check_required(options, REQUIRED, &err) == -1 || check_source(to, &err) == -1 ||
	    check_certificate(to, &serving.plan, &err) == -1 || interpret(&serving, &err) == -1) {
		fprintf(stderr, "openshell-webhook serve: %s\n", err.msg);
		return CMD_EXIT_USAGE;
	}
	if (rest != argc) {
		fprintf(stderr, "openshell-webhook serve: unexpected '%s'\n", argv[rest]);
		return CMD_EXIT_USAGE;
	}
	/* What one thread gave back is of use to the others: connections come and go on all of them. */
	mallopt(M_ARENA_MAX, 1);
	sigset_t signals = block_signals();
	if (start(&serving, &err) == -1) {
		log_reason(&serving.log, LOG_LEVEL_ERROR, "failed", err.msg);
		return 1;
	}
	run_until_told(&serving, &signals);
	drain(&serving, &signals);
	return 0;
}
