package blob

import (
	"fmt"
	"net/http"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/tidemark-data/tidemark"
)

// maxRedirects of one request are followed.
const maxRedirects = 10

// httpClient returns a client with connections of its own, set up like made. That is of the SDK, which has put the
// authorities of AWS_CA_BUNDLE into it and takes no other kind for that; but it cannot be told to let go of idle
// connections, which a process that opens one lake after another would then heap up.
func httpClient(made aws.HTTPClient) (*http.Client, error) {
	c, ok := made.(*awshttp.BuildableClient)
	if !ok {
		return nil, fmt.Errorf("the HTTP client of the AWS configuration is a %T", made)
	}
	transport, dialer := c.GetTransport(), c.GetDialer()
	dialer.Control = func(_, address string, _ syscall.RawConn) error { return tidemark.Reachable(address) }
	transport.DialContext = dialer.DialContext
	return &http.Client{Transport: transport, CheckRedirect: checkRedirect}, nil
}

// checkRedirect follows those redirects that keep the method and the body: S3 sends them for a bucket that has just
// been made in another region. The others are answers, as for a bucket of another region, and told as such.
func checkRedirect(r *http.Request, via []*http.Request) error {
	switch r.Response.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if len(via) < maxRedirects {
			return nil
		}
	}
	return http.ErrUseLastResponse
}
