// What FTP's control connection says of data connections: commands PORT (RFC 959, section 4.1.2)
// and EPRT, replies 227 and 229 (RFC 959, section 4.2; RFC 2428). Pure text, of a stranger.
#ifndef DATAPATH_CT_FTP_TEXT_H
#define DATAPATH_CT_FTP_TEXT_H

#include "flowtable/key.h"

#define FTP_LINE_MAX 256u // bytes of a line that is looked at
#define FTP_TEXT_MAX 64u  // bytes that name an address and a port

enum ftp_form { FTP_PORT, FTP_EPRT, FTP_PASV, FTP_EPSV, N_FTP_FORMS };

// Where its sender waits for the data connection.
struct ftp_endpoint {
	enum ftp_form form;
	bool is_v6;	  // never with PORT and PASV
	bool has_addr;	  // not in EPSV
	char delimiter;	  // of EPRT's and EPSV's fields
	struct in6 addr;  // IPv4: the first four bytes
	uint16_t port;	  // host order, not 0
	uint32_t at, len; // where the text says so: what ftp_endpoint_format() replaces
};

// The first line of len bytes, which must be whole: a client's command, or a server's reply. False:
// it says nothing of a data connection, or is malformed.
bool ftp_command_parse(const uint8_t *text, uint32_t len, struct ftp_endpoint *e);
bool ftp_reply_parse(const uint8_t *text, uint32_t len, struct ftp_endpoint *e);

// In the same form, for the place that was read. Returns its length, below FTP_TEXT_MAX.
uint32_t ftp_endpoint_format(const struct ftp_endpoint *e, char text[static FTP_TEXT_MAX]);

#endif
