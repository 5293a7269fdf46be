/* SPDX-License-Identifier: Apache-2.0 */
/* no_loading: keeps everything that loads code or takes orders from the image at run time out of the
 * static agent.
 *
 * glibc's name services read the image's /etc/nsswitch.conf and dlopen what it names; OpenSSL's DSO
 * layer loads modules that the image's openssl.cnf names. The agent runs with privilege, so either is
 * code execution by the image. These definitions win over libc.a's members, each fails cleanly, and
 * -Wl,--fatal-warnings breaks the build when a new one slips in. Variables are the image's too: libraries
 * see none, and glibc's tunables, which reach into the allocator and memcpy(), stay as they are built. */
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/socket.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **out_list)
{
	(void)node, (void)service, (void)hints, (void)out_list;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

const char *gai_strerror(int code)
{
	(void)code;
	return "name services are not part of this program";
}

/* NOLINTNEXTLINE(readability-function-size): the prototype is POSIX's */
int getnameinfo(const struct sockaddr *address, socklen_t n, char *host, socklen_t host_n,
		char *service, socklen_t service_n, int flags)
{
	(void)address, (void)n, (void)host, (void)host_n, (void)service, (void)service_n,
		(void)flags;
	return EAI_FAIL;
}

struct hostent *gethostbyname(const char *name)
{
	(void)name;
	return NULL;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
	(void)name, (void)protocol;
	return NULL;
}

struct protoent *getprotobyname(const char *name)
{
	(void)name;
	return NULL;
}

struct protoent *getprotobynumber(int number)
{
	(void)number;
	return NULL;
}

struct passwd *getpwnam(const char *name)
{
	(void)name;
	return NULL;
}

struct passwd *getpwuid(uid_t uid)
{
	(void)uid;
	return NULL;
}

struct group *getgrnam(const char *name)
{
	(void)name;
	return NULL;
}

struct group *getgrgid(gid_t gid)
{
	(void)gid;
	return NULL;
}

int initgroups(const char *user, gid_t group)
{
	(void)user, (void)group;
	errno = EPERM;
	return -1;
}

/* stdio's character conversion drags libc.a's own dlopen in, so this one is redirected by the linker
 * (--wrap=dlopen) instead of defined. */
void *__wrap_dlopen(const char *file, int mode);
void *__wrap_dlopen(const char *file, int mode)
{
	(void)file, (void)mode;
	return NULL;
}

void *dlsym(void *handle, const char *name);
void *dlsym(void *handle, const char *name)
{
	(void)handle, (void)name;
	return NULL;
}

int dlclose(void *handle);
int dlclose(void *handle)
{
	(void)handle;
	return -1;
}

char *dlerror(void);
char *dlerror(void)
{
	static char text[] = "loading code is not part of this program";

	return text;
}

int dladdr(const void *address, void *info);
int dladdr(const void *address, void *info)
{
	(void)address, (void)info;
	return 0;
}

/* Before relocation and thread-local storage: it may call nothing. */
void __wrap___tunables_init(char **env);
void __wrap___tunables_init(char **env)
{
	(void)env;
}

char *__wrap_getenv(const char *name);
char *__wrap_getenv(const char *name)
{
	(void)name;
	return NULL;
}

char *__wrap_secure_getenv(const char *name);
char *__wrap_secure_getenv(const char *name)
{
	(void)name;
	return NULL;
}

char *__wrap___libc_secure_getenv(const char *name);
char *__wrap___libc_secure_getenv(const char *name)
{
	(void)name;
	return NULL;
}
