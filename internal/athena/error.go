package athena

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"

	"github.com/tidemark-data/tidemark"
	"github.com/tidemark-data/tidemark/internal/amazon"
)

var (
	outputMissing = regexp.MustCompile(`(?i)no output location|output ?location`)
	noWorkgroup   = regexp.MustCompile(`(?i)workgroup .*(not found|not exist)`)
	placed        = regexp.MustCompile(`line (\d+):(\d+): `)
	noSchema      = regexp.MustCompile(`(?i)schema '?"?[^ '"]+'?"? does not exist`)
)

// kinds says what the codes of Athena mean.
var kinds = map[string]error{
	"AccessDeniedException":     tidemark.ErrDenied,
	"InvalidRequestException":   tidemark.ErrInvalid,
	"ValidationException":       tidemark.ErrInvalid,
	"MetadataException":         tidemark.ErrInvalid,
	"ResourceNotFoundException": tidemark.ErrInvalid,
}

// fail says what was being done, gives an error of a request its kind, and names what is to be granted. Action is what IAM
// calls the request.
func fail(ctx context.Context, doing, action string, err error) error {
	fault, err := amazon.Explain(ctx, doing+" in Athena", kinds, err)
	switch {
	case fault.Code == "AccessDeniedException":
		return tidemark.WithHint(err, "allow "+action)
	case noWorkgroup.MatchString(fault.Message):
		return tidemark.WithHint(err, "name another one with --workgroup")
	case outputMissing.MatchString(fault.Message):
		return tidemark.WithHint(err, "say where the result goes with --output-location s3://BUCKET/PREFIX/, or in the settings of the workgroup")
	}
	return err
}

// failed is the error of a statement that Athena has not brought to its end.
func failed(id string, s *types.QueryExecutionStatus) error {
	reason := aws.ToString(s.StateChangeReason)
	if s.AthenaError != nil && reason == "" {
		reason = aws.ToString(s.AthenaError.ErrorMessage)
	}
	reason = placed.ReplaceAllString(reason, "line $1, column $2: ")
	err := func(kind error) error { return fmt.Errorf("query %s failed in Athena: %s: %w", id, reason, kind) }
	lower, wrong := strings.ToLower(reason), s.AthenaError != nil && aws.ToInt32(s.AthenaError.ErrorCategory) == userError
	switch {
	case strings.Contains(lower, "lake formation"):
		return tidemark.WithHint(err(tidemark.ErrDenied), "a denial of Lake Formation: grant the role SELECT and DESCRIBE on the table there; IAM alone does not suffice")
	case strings.Contains(lower, "access denied") || strings.Contains(lower, "not authorized") || strings.Contains(lower, "insufficient permissions"):
		return tidemark.WithHint(err(tidemark.ErrDenied), "Athena reads with your credentials: allow glue:GetDatabase, glue:GetTable and glue:GetPartitions, s3:GetObject and s3:ListBucket on the lake, and s3:PutObject where the result goes")
	case noSchema.MatchString(reason):
		return tidemark.WithHint(err(tidemark.ErrInvalid), "in Athena a namespace is a database of Glue, with database_prefix before it; `SHOW DATABASES` lists them")
	case wrong, strings.Contains(reason, ", column "):
		return err(tidemark.ErrInvalid)
	}
	return err(tidemark.ErrTransient)
}

// userError is the category of errors for which the statement is to blame.
const userError = 2
