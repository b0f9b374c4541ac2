package manifests

import (
	"context"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// DecodeCompose decodes a Compose file as the program docker compose does. Variables have no
// values.
func DecodeCompose(s Source) (*types.Project, error) {
	return loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(s.Path),
		ConfigFiles: []types.ConfigFile{{Filename: s.Path, Content: []byte(s.Text)}},
		Environment: types.Mapping{},
	}, func(options *loader.Options) { options.SetProjectName("manifests", true) })
}
