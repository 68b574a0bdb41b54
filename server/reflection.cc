#include "server/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "server/raw_call.h"
#include "server/rpc.h"

namespace lumen {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using grpc::reflection::v1::ExtensionRequest;
using grpc::reflection::v1::FileDescriptorResponse;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

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

// Names are short; and the answer repeats the request.
constexpr size_t kMaxRequestBytes = size_t{64} << 10;

// One stream: answers a request, reads the next one. Owns itself until OnDone.
class ReflectionStream final : public StreamRpc::Listener {
 public:
  ReflectionStream(const Catalogue& catalogue, StreamRpc& rpc) : catalogue_(catalogue), rpc_(rpc) {
    rpc_.Listen(*this);
  }

  void Answer(const grpc::ByteBuffer& body) {
    if (body.Length() > kMaxRequestBytes) {
      return rpc_.Finish(
          ToStatus({Reason::kFieldTooLarge, "a reflection request is of at most 64 KiB"}));
    }
    ServerReflectionRequest request;
    if (const auto refusal = DecodeBody(body, RequestLimits(), request))
      return rpc_.Finish(ToStatus(*refusal));
    const grpc::Status encoded = EncodeBody(catalogue_.Answer(request), response_);
    if (!encoded.ok()) return rpc_.Finish(encoded);
    rpc_.StartWrite(response_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return rpc_.Finish(grpc::Status::OK);
    Answer(std::exchange(request_, {}));
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return rpc_.Finish(grpc::Status::OK);
    response_.Clear();
    rpc_.StartRead(request_);
  }
  void OnDone() override { delete this; }

 private:
  const Catalogue& catalogue_;
  StreamRpc& rpc_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

}  // namespace

struct ReflectionServices::Parts {
  // One version of the service.
  class Service final : public RpcService {
   public:
    Service(std::string_view version, const Catalogue& catalogue)
        : RpcService("grpc.reflection." + std::string(version) + ".ServerReflection") {
      Add("ServerReflectionInfo", [&catalogue](StreamRpc& rpc) {
        // A client that asks nothing.
        const auto first = rpc.TakeFirst();
        if (!first) return rpc.Finish(grpc::Status::OK);
        (new ReflectionStream(catalogue, rpc))->Answer(*first);
      });
    }
  };

  Catalogue catalogue;
  Service v1{"v1", catalogue};
  Service v1alpha{"v1alpha", catalogue};
};

ReflectionServices::ReflectionServices() : parts_(std::make_unique<Parts>()) {}

ReflectionServices::~ReflectionServices() = default;

std::vector<RpcService*> ReflectionServices::services() { return {&parts_->v1, &parts_->v1alpha}; }

void ReflectionServices::Describe(const std::vector<RpcService*>& services) {
  std::vector<std::string> names;
  names.reserve(services.size());
  for (const RpcService* service : services) names.push_back(service->name());
  parts_->catalogue.set_services(std::move(names));
}

}  // namespace lumen
