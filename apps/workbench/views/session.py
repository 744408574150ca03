"""Signing in and out, and a person's own preferences."""

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.workbench.forms import PreferencesForm, SignInForm
from apps.workbench.screen import screen


class SignIn(LoginView):
    """User name and password. Paste and password managers work; there is no puzzle to solve (WCAG 3.3.8)."""

    authentication_form = SignInForm
    template_name = "workbench/session/sign_in.html"
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """The form again: 429 while too many failures are remembered, else 422."""
        wait_s = form.wait_s if isinstance(form, SignInForm) else 0
        answer = self.render_to_response(self.get_context_data(form=form), status=429 if wait_s else 422)
        if wait_s:
            answer["Retry-After"] = str(wait_s)
        return answer


sign_in = SignIn.as_view()
sign_out = LogoutView.as_view()


@screen()
def preferences(request: HttpRequest) -> HttpResponse:
    """Theme, density, keys and time zone."""
    form = PreferencesForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Preferences saved.")
        return redirect("workbench:preferences", permanent=False)
    status = 422 if form.errors else 200
    return render(request, "workbench/session/preferences.html", {"form": form}, status=status)
