#include "server/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/impl/server_initializer.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/server_callback.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "grpc/reflection/v1/reflection.pb.h"

namespace lumen {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using grpc::reflection::v1::ExtensionRequest;
using grpc::reflection::v1::FileDescriptorResponse;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

constexpr std::string_view kVersions[] = {"v1", "v1alpha"};

void MoveTypeToAlpha(std::string& type) {
  constexpr std::string_view kPrefix = ".grpc.reflection.v1.";
  if (type.starts_with(kPrefix)) {
    type = ".grpc.reflection.v1alpha." + type.substr(kPrefix.size());
  }
}

// v1alpha is v1 under another package name. Derived and not generated, so that a process that also
// links Debian's generated v1alpha does not hold two descriptors of one name.
FileDescriptorProto MakeAlphaFile() {
  FileDescriptorProto file;
  ServerReflectionRequest::descriptor()->file()->CopyTo(&file);
  file.set_name("grpc/reflection/v1alpha/reflection.proto");
  file.set_package("grpc.reflection.v1alpha");
  for (auto& message : *file.mutable_message_type()) {
    for (auto& field : *message.mutable_field()) {
      if (field.has_type_name()) MoveTypeToAlpha(*field.mutable_type_name());
    }
  }
  for (auto& method : *file.mutable_service(0)->mutable_method()) {
    MoveTypeToAlpha(*method.mutable_input_type());
    MoveTypeToAlpha(*method.mutable_output_type());
  }
  return file;
}

void Fail(ServerReflectionResponse& response, grpc::StatusCode code, const std::string& message) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(message);
}

// Answers from the descriptors linked into this program. Immutable once the server runs.
class Catalogue {
 public:
  Catalogue() : pool_(DescriptorPool::generated_pool()) {
    const FileDescriptor* built = pool_.BuildFile(MakeAlphaFile());
    CHECK(built != nullptr);
  }

  void set_services(std::vector<std::string> services) { services_ = std::move(services); }

  ServerReflectionResponse Answer(const ServerReflectionRequest& request) const {
    ServerReflectionResponse response;
    response.set_valid_host(request.host());
    *response.mutable_original_request() = request;
    switch (request.message_request_case()) {
      case ServerReflectionRequest::kListServices:
        for (const std::string& name : services_) {
          response.mutable_list_services_response()->add_service()->set_name(name);
        }
        break;
      case ServerReflectionRequest::kFileByFilename:
        AnswerFile(pool_.FindFileByName(request.file_by_filename()), response);
        break;
      case ServerReflectionRequest::kFileContainingSymbol:
        AnswerFile(pool_.FindFileContainingSymbol(request.file_containing_symbol()), response);
        break;
      case ServerReflectionRequest::kFileContainingExtension:
        AnswerFile(FileOf(request.file_containing_extension()), response);
        break;
      case ServerReflectionRequest::kAllExtensionNumbersOfType:
        AnswerExtensions(request.all_extension_numbers_of_type(), response);
        break;
      case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
        Fail(response, grpc::StatusCode::INVALID_ARGUMENT, "the request asks for nothing");
    }
    return response;
  }

 private:
  const FileDescriptor* FileOf(const ExtensionRequest& request) const {
    const auto* type = pool_.FindMessageTypeByName(request.containing_type());
    if (type == nullptr) return nullptr;
    const auto* extension = pool_.FindExtensionByNumber(type, request.extension_number());
    return extension == nullptr ? nullptr : extension->file();
  }

  void AnswerFile(const FileDescriptor* file, ServerReflectionResponse& response) const {
    if (file == nullptr) return Fail(response, grpc::StatusCode::NOT_FOUND, "not found");
    std::set<std::string> added;
    AddFile(*file, added, *response.mutable_file_descriptor_response());
  }

  void AddFile(const FileDescriptor& file, std::set<std::string>& added,
               FileDescriptorResponse& response) const {
    if (!added.insert(file.name()).second) return;
    FileDescriptorProto proto;
    file.CopyTo(&proto);
    response.add_file_descriptor_proto(proto.SerializeAsString());
    for (int i = 0; i < file.dependency_count(); ++i) {
      AddFile(*file.dependency(i), added, response);
    }
  }

  void AnswerExtensions(const std::string& name, ServerReflectionResponse& response) const {
    const auto* type = pool_.FindMessageTypeByName(name);
    if (type == nullptr) return Fail(response, grpc::StatusCode::NOT_FOUND, "not found");
    std::vector<const google::protobuf::FieldDescriptor*> extensions;
    pool_.FindAllExtensions(type, &extensions);
    auto& answer = *response.mutable_all_extension_numbers_response();
    answer.set_base_type_name(name);
    for (const auto* extension : extensions) answer.add_extension_number(extension->number());
  }

  DescriptorPool pool_;
  std::vector<std::string> services_;
};

// One stream: reads a request, answers it, reads the next one. Owns itself until OnDone.
class ReflectionStream final
    : public grpc::ServerBidiReactor<ServerReflectionRequest, ServerReflectionResponse> {
 public:
  explicit ReflectionStream(const Catalogue& catalogue) : catalogue_(catalogue) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    response_ = catalogue_.Answer(request_);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  const Catalogue& catalogue_;
  ServerReflectionRequest request_;
  ServerReflectionResponse response_;
};

class ReflectionService final : public grpc::Service {
 public:
  ReflectionService(std::string_view version, const Catalogue& catalogue)
      : method_("/grpc.reflection." + std::string(version) +
                ".ServerReflection/ServerReflectionInfo") {
    AddMethod(new grpc::internal::RpcServiceMethod(
        method_.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
    MarkMethodCallback(
        0,
        new grpc::internal::CallbackBidiHandler<ServerReflectionRequest, ServerReflectionResponse>(
            [&catalogue](grpc::CallbackServerContext*) {
              return new ReflectionStream(catalogue);
            }));
  }

 private:
  const std::string method_;
};

class ReflectionPlugin final : public grpc::ServerBuilderPlugin {
 public:
  std::string name() override { return "lumen_reflection"; }
  void InitServer(grpc::ServerInitializer* initializer) override {
    for (const auto& service : parts_->services) {
      // The server keeps the services alive, and these the catalogue that they read.
      initializer->RegisterService(std::shared_ptr<grpc::Service>(parts_, service.get()));
    }
  }
  void Finish(grpc::ServerInitializer* initializer) override {
    parts_->catalogue.set_services(*initializer->GetServiceList());
  }
  void ChangeArguments(const std::string& /*name*/, void* /*value*/) override {}

 private:
  struct Parts {
    Parts() {
      for (std::string_view version : kVersions) {
        services.push_back(std::make_unique<ReflectionService>(version, catalogue));
      }
    }
    Catalogue catalogue;
    std::vector<std::unique_ptr<ReflectionService>> services;
  };
  const std::shared_ptr<Parts> parts_ = std::make_shared<Parts>();
};

class ReflectionOption final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->push_back(std::make_unique<ReflectionPlugin>());
  }
};

}  // namespace

std::unique_ptr<grpc::ServerBuilderOption> MakeReflectionOption() {
  return std::make_unique<ReflectionOption>();
}

}  // namespace lumen
