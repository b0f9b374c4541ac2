package manifests

import (
	"errors"
	"fmt"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"                  // a type in typed_config
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"                     // a type in typed_config
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3" // a type in typed_config
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"                          // a type in typed_extension_protocol_options
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"sigs.k8s.io/yaml"
)

// DecodeEnvoy decodes a configuration of Envoy, and applies the rules for the values in Envoy's
// .proto files. It does the same for each message in an Any. A deprecated field is an error.
func DecodeEnvoy(document string) (*bootstrap.Bootstrap, error) {
	data, err := yaml.YAMLToJSONStrict([]byte(document))
	if err != nil {
		return nil, err
	}
	config := new(bootstrap.Bootstrap)
	if err := protojson.Unmarshal(data, config); err != nil {
		return nil, err
	}
	return config, validate(config)
}

// validate applies the rules of m, and of each message in an Any below m.
func validate(m proto.Message) error {
	if v, ok := m.(interface{ ValidateAll() error }); ok {
		if err := v.ValidateAll(); err != nil {
			return err
		}
	}
	return each(m.ProtoReflect(), func(message protoreflect.Message) error {
		packed, ok := message.Interface().(*anypb.Any)
		if !ok {
			return nil
		}
		inner, err := packed.UnmarshalNew()
		if err != nil {
			return err
		}
		if err := validate(inner); err != nil {
			return fmt.Errorf("%s: %w", packed.GetTypeUrl(), err)
		}
		return nil
	})
}

// each calls f with m and with each message below m.
func each(m protoreflect.Message, f func(protoreflect.Message) error) error {
	all := []error{f(m)}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if deprecated(field) {
			all = append(all, fmt.Errorf("the field %s is deprecated", field.FullName()))
		}
		switch {
		case field.IsMap():
			if field.MapValue().Message() != nil {
				value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					all = append(all, each(v.Message(), f))
					return true
				})
			}
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				all = append(all, each(value.List().Get(i).Message(), f))
			}
		default:
			all = append(all, each(value.Message(), f))
		}
		return true
	})
	return errors.Join(all...)
}

// deprecated reports whether the .proto file marks a field as deprecated.
func deprecated(field protoreflect.FieldDescriptor) bool {
	options, ok := field.Options().(interface{ GetDeprecated() bool })
	return ok && options.GetDeprecated()
}
