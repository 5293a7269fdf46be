/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/duties.h"

#include <stdio.h>
#include <string.h>

#include "certs/leaf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/audit_loop.h"
#include "webhook/cert_keeper.h"
#include "webhook/choices.h"
#include "webhook/default_policy.h"
#include "webhook/default_policy_loop.h"
#include "webhook/expiry_loop.h"
#include "webhook/kube_leader.h"
#include "webhook/metrics.h"
#include "webhook/pair_loop.h"

enum { DAY_S = 86400 };

struct duties {
	struct duties_options options;
	struct cert_place place;
	struct kube_leader *leader;
	struct cert_keeper *keeper;
	struct default_policy_loop *policy;
	struct audit_loop *audit;
	struct expiry_loop *expiry;
	struct pair_loop *pairs;
};

/* --- what was asked for ----------------------------------------------------------------------- */

/* RFC 1123, as Kubernetes names Services and namespaces. */
static bool is_label(const char *text, size_t n)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	return n > 0 && n < DUTIES_NAME_MAX && strspn(text, allowed) >= n && text[0] != '-' &&
	       text[n - 1] != '-';
}

static int parse_service(const char *text, struct duties_plan *out, struct err *err)
{
	const char *dot = strchr(text, '.');

	if (dot == NULL || !is_label(text, (size_t)(dot - text)) ||
	    !is_label(dot + 1, strlen(dot + 1)))
		return err_set(err, ERR_INVALID, "--service '%s' is not NAME.NAMESPACE", text);
	snprintf(out->service, sizeof(out->service), "%.*s", (int)(dot - text), text);
	snprintf(out->namespace_name, sizeof(out->namespace_name), "%s", dot + 1);
	snprintf(out->secret, sizeof(out->secret), "%s-certificate", out->service);
	snprintf(out->host, sizeof(out->host), "%s.svc", text);
	return 0;
}

static int parse_days(const char *text, struct duties_plan *out, struct err *err)
{
	uint32_t days;

	out->life_s = ROTATION_LIFE_S;
	if (text == NULL)
		return 0;
	if (!choices_parse_id(text, 1, &days) || days > LEAF_LIFE_MAX_S / DAY_S)
		return err_set(err, ERR_INVALID, "--certificate-days '%s' is not in 1..%d", text,
			       LEAF_LIFE_MAX_S / DAY_S);
	out->life_s = (int64_t)days * DAY_S;
	return 0;
}

static int parse_audit(const char *text, struct duties_plan *out, struct err *err)
{
	out->audit_s = AUDIT_LOOP_DEFAULT_S;
	if (text == NULL)
		return 0;
	if (!choices_parse_id(text, 0, &out->audit_s) || out->audit_s > AUDIT_LOOP_MAX_S)
		return err_set(err, ERR_INVALID, "--audit-seconds '%s' is not in 0..%d", text,
			       AUDIT_LOOP_MAX_S);
	return 0;
}

static int parse_policy(const char *text, struct duties_plan *out, struct err *err)
{
	if (text != NULL && default_policy_check(text, err) == -1)
		return err_wrap(err, "--default-policy");
	out->default_policy = text;
	return 0;
}

int duties_parse(const struct duties_text *text, bool is_certified, struct duties_plan *out,
		 struct err *err)
{
	struct duties_plan plan = { .configuration = text->configuration };

	if (is_certified && (text->configuration != NULL || text->certificate_days != NULL))
		return err_set(err, ERR_INVALID,
			       "--webhook-configuration and --certificate-days do not go with "
			       "--tls-cert: who makes the certificate keeps caBundle");
	if (!is_certified && (text->service == NULL || text->configuration == NULL))
		return err_set(err, ERR_INVALID,
			       "without --tls-cert and --tls-key, --service and "
			       "--webhook-configuration are needed");
	if (text->configuration != NULL &&
	    !is_label(text->configuration, strlen(text->configuration)))
		return err_set(err, ERR_INVALID, "--webhook-configuration '%s' is not a name",
			       text->configuration);
	if (text->service != NULL && parse_service(text->service, &plan, err) == -1)
		return -1;
	if (text->service == NULL && (text->audit_seconds != NULL || text->default_policy != NULL))
		return err_set(err, ERR_INVALID,
			       "--audit-seconds and --default-policy need --service: the replica "
			       "that leads sees to it");
	if (parse_days(text->certificate_days, &plan, err) == -1 ||
	    parse_audit(text->audit_seconds, &plan, err) == -1 ||
	    parse_policy(text->default_policy, &plan, err) == -1)
		return -1;
	*out = plan;
	return 0;
}

/* --- doing it --------------------------------------------------------------------------------- */

static void put_metrics(void *cls, struct buf *out)
{
	struct duties *duties = cls;

	metrics_head(out, "leader", "gauge", "1 where this replica leads.");
	buf_printf(out, METRICS_PREFIX "leader %d\n", kube_leader_is(duties->leader));
	metrics_head(out, "leader_errors_total", "counter", "Requests for the Lease that failed.");
	buf_printf(out, METRICS_PREFIX "leader_errors_total %llu\n",
		   kube_leader_errors(duties->leader));
	if (duties->keeper != NULL)
		cert_keeper_put_metrics(duties->keeper, out);
	default_policy_put_metrics(duties->policy, out);
	audit_loop_put_metrics(duties->audit, out);
	pair_loop_put_metrics(duties->pairs, out);
}

static void on_ready(void *cls, const char *why_not)
{
	struct duties *duties = cls;

	server_set_unready(duties->options.server, why_not);
}

static int start_keeper(struct duties *duties, struct err *err)
{
	const struct duties_plan *plan = duties->options.plan;
	const struct cert_keeper_options keeper = {
		.server = duties->options.api,
		.account = duties->options.account,
		.place = &duties->place,
		.host = plan->host,
		.configuration = plan->configuration,
		.life_s = plan->life_s,
		.leader = duties->leader,
		.log = duties->options.log,
		.ready = on_ready,
		.cls = duties,
	};

	return cert_keeper_start(&keeper, &duties->keeper, err);
}

/* Where the certificate is ours its keeper tells. */
static int start_expiry(struct duties *duties, struct err *err)
{
	const struct expiry_options expiry = {
		.server = duties->options.api,
		.account = duties->options.account,
		.service = duties->options.plan->service,
		.namespace_name = duties->options.plan->namespace_name,
		.log = duties->options.log,
		.leader = duties->leader,
	};

	return expiry_loop_start(&expiry, &duties->expiry, err);
}

/* The configuration that it goes with has the Service's name. */
static int start_policy(struct duties *duties, struct err *err)
{
	const struct default_policy_options policy = {
		.server = duties->options.api,
		.account = duties->options.account,
		.text = duties->options.plan->default_policy,
		.configuration = duties->options.plan->service,
		.log = duties->options.log,
		.leader = duties->leader,
	};

	return default_policy_start(&policy, &duties->policy, err);
}

static int start_audit(struct duties *duties, struct err *err)
{
	const struct audit_loop_options audit = {
		.server = duties->options.api,
		.account = duties->options.account,
		.config = duties->options.config,
		.log = duties->options.log,
		.leader = duties->leader,
		.interval_s = duties->options.plan->audit_s,
	};

	if (audit.interval_s == 0)
		return 0;
	return audit_loop_start(&audit, &duties->audit, err);
}

static void share_namespaces(void *cls, struct namespaces *out)
{
	const struct duties *duties = cls;

	server_share_namespaces(duties->options.server, out);
}

static int start_pairs(struct duties *duties, struct err *err)
{
	const struct pair_loop_options pairs = {
		.server = duties->options.api,
		.account = duties->options.account,
		.service = duties->options.plan->service,
		.namespace_name = duties->options.plan->namespace_name,
		.config = duties->options.config,
		.log = duties->options.log,
		.leader = duties->leader,
		.namespaces = share_namespaces,
		.cls = duties,
	};

	if (duties->options.config->proxy_pod_api == NULL)
		return 0;
	return pair_loop_start(&pairs, &duties->pairs, err);
}

static void stop_threads(struct duties *duties)
{
	pair_loop_stop(duties->pairs);
	audit_loop_stop(duties->audit);
	default_policy_stop(duties->policy);
	expiry_loop_stop(duties->expiry);
	cert_keeper_stop(duties->keeper);
	kube_leader_stop(duties->leader);
}

int duties_start(const struct duties_options *options, struct duties **out, struct err *err)
{
	const struct duties_plan *plan = options->plan;
	const struct kube_leader_options leader = {
		.server = options->api,
		.account = options->account,
		.name = plan->service,
		.namespace_name = plan->namespace_name,
		.log = options->log,
	};
	struct duties *duties = mem_calloc(1, sizeof(*duties));

	duties->options = *options;
	duties->place =
		(struct cert_place){ plan->service, plan->namespace_name, plan->secret, NULL };
	if (kube_leader_start(&leader, &duties->leader, err) == -1 ||
	    (plan->configuration != NULL ? start_keeper(duties, err) : start_expiry(duties, err)) ==
		    -1 ||
	    start_policy(duties, err) == -1 || start_audit(duties, err) == -1 ||
	    start_pairs(duties, err) == -1) {
		stop_threads(duties);
		free(duties);
		return -1;
	}
	server_set_more_metrics(options->server, put_metrics, duties);
	*out = duties;
	return 0;
}

void duties_stop(struct duties *duties)
{
	if (duties == NULL)
		return;
	server_set_more_metrics(duties->options.server, NULL, NULL);
	stop_threads(duties);
	free(duties);
}
